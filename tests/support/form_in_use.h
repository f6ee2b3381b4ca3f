// Layers in each form that is chosen by time (model/upconv_form.h, model/residual_form.h,
// kernels/layers/cuda_libraries.h), though no time passes on the simulated GPU and one alone is the
// fastest on a real one.
#pragma once

#include <string>
#include <vector>

#include "kernels/layers/engines.h"

namespace dae::test {

class FormInUse {
 public:
  // While it lives, what this process has planned before gets the form or engine of that name,
  // where it is offered.
  explicit FormInUse(const std::string& form) : FormInUse(form, form) {}
  // The first of two names where three forms of a residual block's gradients are offered.
  FormInUse(const std::string& of_blocks, const std::string& form) {
    std::vector<cuda_libraries::Choice> forms = cuda_libraries::choices();
    for (cuda_libraries::Choice& choice : forms)
      choice.engine =
          choice.problem.starts_with("residual block, gradients") && choice.candidates == 3
              ? of_blocks
              : form;
    cuda_libraries::reuse(forms);
  }
  ~FormInUse() { cuda_libraries::reuse({}); }
  FormInUse(const FormInUse&) = delete;
};

}  // namespace dae::test
