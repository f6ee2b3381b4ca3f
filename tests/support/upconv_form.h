// Every form of "upsample by two, convolve 3x3" (model/upconv_form.h), though no time passes on the
// simulated GPU and one alone is the fastest on a real one.
#pragma once

#include <string>
#include <vector>

#include "kernels/layers/engines.h"

namespace dae::test {

// While it lives, the layers that this process has planned before get the form of that name.
class UpconvFormInUse {
 public:
  explicit UpconvFormInUse(const std::string& form) {
    std::vector<cuda_libraries::Choice> forms;
    for (cuda_libraries::Choice choice : cuda_libraries::choices())
      if (choice.problem.starts_with("upsample")) {
        choice.engine = form;
        forms.push_back(choice);
      }
    cuda_libraries::reuse(forms);
  }
  ~UpconvFormInUse() { cuda_libraries::reuse({}); }
  UpconvFormInUse(const UpconvFormInUse&) = delete;
};

}  // namespace dae::test
