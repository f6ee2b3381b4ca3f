#include "runtime/parallel.h"

#include <omp.h>

namespace dae {

void set_threads(int threads) {
  static const int all = omp_get_max_threads();  // before anybody changed it
  omp_set_num_threads(threads > 0 ? threads : all);
}

int threads() {
  return omp_get_max_threads();
}

}  // namespace dae
