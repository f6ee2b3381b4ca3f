#include "model/loss_spec.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "kernels/ms_ssim_loss.h"
#include "kernels/ssim_passes.h"
#include "runtime/error.h"

namespace dae {
namespace {

constexpr LossKind kKinds[] = {LossKind::mse,     LossKind::l1,  LossKind::ssim,
                               LossKind::ms_ssim, LossKind::dct, LossKind::perceptual};

std::string without_blanks(std::string text) {
  std::erase(text, ' ');
  return text;
}

// The number that `rest` begins with, which is taken off it. The exponent's + is part of it.
float take_weight(const std::string& text, std::string_view& rest) {
  float weight = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), weight);
  const auto length = static_cast<size_t>(end - rest.data());
  if (error != std::errc() || !std::isfinite(weight) || weight <= 0)
    fail_field("loss", "{}: a weight must be a positive number, not {}", text,
               rest.substr(0, rest.find('*')));
  rest.remove_prefix(length);
  if (!rest.starts_with('*'))
    fail_field("loss", "{}: after a weight comes * and a term, as in 0.1*ssim", text);
  rest.remove_prefix(1);
  return weight;
}

LossKind take_kind(const std::string& text, std::string_view& rest) {
  const std::string_view name = rest.substr(0, rest.find_first_of("+*"));
  const auto* const kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                        [&](LossKind k) { return name == name_of(k); });
  if (name.empty()) fail_field("loss", "{}: a term is missing", text);
  if (kind == std::end(kKinds))
    fail_field("loss",
               "{}: there is no term '{}'; there are mse, l1, ssim, ms_ssim, dct and perceptual",
               text, name);
  rest.remove_prefix(name.size());
  if (rest.starts_with('*'))
    fail_field("loss", "{}: the weight comes first, as in 0.1*{}", text, name);
  return *kind;
}

}  // namespace

const char* name_of(LossKind kind) {
  switch (kind) {
    case LossKind::mse:
      return "mse";
    case LossKind::l1:
      return "l1";
    case LossKind::ssim:
      return "ssim";
    case LossKind::ms_ssim:
      return "ms_ssim";
    case LossKind::dct:
      return "dct";
    case LossKind::perceptual:
      return "perceptual";
  }
  return "";
}

bool LossSpec::has(LossKind kind) const {
  return std::any_of(terms.begin(), terms.end(), [=](const Term& t) { return t.kind == kind; });
}

LossSpec parse_loss(const std::string& text) {
  const std::string dense = without_blanks(text);
  LossSpec loss;
  loss.terms.clear();
  std::string_view rest = dense;
  for (;;) {
    LossSpec::Term term;
    // No name begins with a digit or a sign.
    if (!rest.empty() && std::string_view("0123456789.-").find(rest[0]) != std::string_view::npos)
      term.weight = take_weight(text, rest);
    term.kind = take_kind(text, rest);
    for (const LossSpec::Term& other : loss.terms)
      if (other.kind == term.kind)
        fail_field("loss", "{}: {} is given twice", text, name_of(term.kind));
    loss.terms.push_back(term);
    if (rest.empty()) return loss;
    rest.remove_prefix(1);  // the +
  }
}

std::string to_string(const LossSpec& loss) {
  std::string text;
  for (const LossSpec::Term& term : loss.terms) {
    if (!text.empty()) text += "+";
    if (term.weight != 1) text += fmt::format("{}*", term.weight);  // the shortest that is the same
    text += name_of(term.kind);
  }
  return text;
}

void check(const LossSpec& loss, int64_t size) {
  for (const LossSpec::Term& term : loss.terms) {
    if (term.kind == LossKind::ssim && size < kSsimWindow)
      fail_field("size", "{}: the loss {} needs crops of {} pixels", size, to_string(loss),
                 +kSsimWindow);
    if (term.kind == LossKind::ms_ssim && ms_ssim_scales(size, size) < 2)
      fail_field("size", "{}: the loss {} needs crops of {} pixels", size, to_string(loss),
                 2 * kSsimWindow);
  }
}

}  // namespace dae
