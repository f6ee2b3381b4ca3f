#include "model/objective.h"

#include "kernels/dct_loss.h"
#include "kernels/ms_ssim_loss.h"
#include "kernels/pixel_loss.h"
#include "kernels/ssim_loss.h"
#include "model/output_stage.h"
#include "model/perceptual.h"
#include "runtime/error.h"

namespace dae {
namespace {

struct LossOp {
  const char* op;
  void (*run)(const Queue&, const Tensor& y, const Tensor& target, const LossTerm&,
              const Tensor& workspace);
  int64_t (*workspace_count)(const Shape&);
};

LossOp op_of(LossKind kind) {
  switch (kind) {
    case LossKind::mse:
      return {"mse_loss", mse_loss, pixel_loss_workspace_count};
    case LossKind::l1:
      return {"l1_loss", l1_loss, pixel_loss_workspace_count};
    case LossKind::ssim:
      return {"ssim_loss", ssim_loss, ssim_loss_workspace_count};
    case LossKind::ms_ssim:
      return {"ms_ssim_loss", ms_ssim_loss, ms_ssim_loss_workspace_count};
    case LossKind::dct:
      return {"dct_loss", dct_loss, dct_loss_workspace_count};
    case LossKind::perceptual:
      break;
  }
  fail("loss: {} is no single op", name_of(kind));
}

}  // namespace

int64_t Objective::record_size() const {
  return loss.is_plain_mse() ? 1 : 1 + 2 * static_cast<int64_t>(loss.terms.size());
}

void Objective::add_to(Builder& b, TensorId x, TensorId target, TensorId record,
                       TensorId told) const {
  const auto output = output_stage(network, build_network(b, network, x, told), x);
  if (loss.is_plain_mse()) {
    output->add_mse(b, target, record);
    b.backward();
    return;
  }
  Plan& plan = b.plan();
  const Shape image = plan.shape(target);
  const TensorId y = plan.tensor("restoration", image), dy = plan.tensor("d(restoration)", image);
  const TensorId total = plan.slice(record, "loss.total", 0, {1});
  output->add_restoration(b, y);
  for (size_t i = 0; i < loss.terms.size(); i++) {
    const LossSpec::Term term = loss.terms[i];
    const std::string name = std::string("loss.") + name_of(term.kind);
    const bool first = i == 0;
    const TensorId report = plan.slice(record, name, 1 + 2 * static_cast<int64_t>(i), {2});
    if (term.kind == LossKind::perceptual) {
      add_perceptual_loss(b, feature_widths, {term.weight, first, y, target, dy, total, report});
      continue;
    }
    const LossOp loss_op = op_of(term.kind);
    const TensorId workspace =
        plan.tensor(name + ".workspace", {loss_op.workspace_count(plan.shape(target))});
    plan.add({.op = loss_op.op,
              .name = name,
              .phase = Phase::loss,
              .reads = first ? std::vector{y, target} : std::vector{y, target, dy, total},
              .writes = {dy, total, report},
              .scratch = {workspace},
              .run = [=](const Queue& q, const TensorTable& t) {
                loss_op.run(q, t[y], t[target], {term.weight, first, t[dy], t[total], t[report]},
                            t[workspace]);
              }});
  }
  output->add_backward(b, y, dy);
  b.backward();
}

}  // namespace dae
