#include "kernels/layers/onednn.h"

#include "runtime/rounding.h"

namespace dae::onednn {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
constexpr auto kF32 = dnnl::memory::data_type::f32;

dnnl::memory::dims dims_of(const Shape& s) {
  return {s[0], s[3], s[1], s[2]};
}

const dnnl::stream& stream() {
  static const dnnl::stream cpu(engine());
  return cpu;
}

// The C call: the C++ one copies its map of arguments into a fresh vector.
void execute(const dnnl::primitive& primitive, const dnnl_exec_arg_t* arguments, size_t count) {
  const dnnl_status_t status =
      dnnl_primitive_execute(primitive.get(), stream().get(), static_cast<int>(count), arguments);
  if (status != dnnl_success) throw dnnl::error(status, "could not execute a primitive");
}

// Setting an address zeroes the padding of a padded layout, so it is done only when it changes.
void point(const dnnl::memory& memory, const void* data) {
  if (memory.get_data_handle() != data) memory.set_data_handle(const_cast<void*>(data), stream());
}

}  // namespace

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

Desc image_desc(const Shape& shape, int block) {
  if (block != 1 && block != 8 && block != 16) fail("oneDNN: no layout has blocks of {}", block);
  const Tag tag = block == 16 ? Tag::nChw16c : block == 8 ? Tag::nChw8c : Tag::nhwc;
  return {dims_of(shape), kF32, tag};
}

Desc any_image_desc(const Shape& shape) {
  return {dims_of(shape), kF32, Tag::any};
}

int preferred_block() {
  static const int block = named("the layout of convolutions", [] {
    const Shape image = {1, 16, 16, 64};
    const dnnl::convolution_forward::desc conv(
        dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct,
        any_image_desc(image), Desc({64, 64, 3, 3}, kF32, Tag::any), any_image_desc(image), {1, 1},
        {1, 1}, {1, 1});
    const Desc chosen = dnnl::convolution_forward::primitive_desc(conv, engine()).src_desc();
    for (const int candidate : {16, 8})
      if (chosen == image_desc(image, candidate)) return candidate;
    return 1;
  });
  return block;
}

dnnl::primitive_attr attributes(bool relu) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (relu) {
    dnnl::post_ops ops;
    ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    attr.set_post_ops(ops);
  }
  return attr;
}

Routine::Routine(std::string name, const dnnl::primitive& primitive, const Desc& scratchpad,
                 const std::vector<Operand>& operands)
    : name_(std::move(name)), primitive_(primitive) {
  for (const Operand& operand : operands) {
    Slot slot;
    slot.output = operand.output;
    slot.plan = dnnl::memory(operand.plan, engine(), nullptr);
    slot.primitive = slot.plan;
    if (operand.plan != operand.primitive) {
      slot.primitive = dnnl::memory(operand.primitive, engine(), nullptr);
      slot.offset = workspace_bytes_;
      workspace_bytes_ += round_up(operand.primitive.get_size(), kTensorAlignment);
      slot.reorder = operand.output ? dnnl::reorder(slot.primitive, slot.plan)
                                    : dnnl::reorder(slot.plan, slot.primitive);
    }
    arguments_.push_back({operand.argument, slot.primitive.get()});
    slots_.push_back(std::move(slot));
  }
  scratchpad_ = dnnl::memory(scratchpad, engine(), nullptr);
  scratchpad_offset_ = workspace_bytes_;
  workspace_bytes_ += round_up(scratchpad.get_size(), kTensorAlignment);
  arguments_.push_back({DNNL_ARG_SCRATCHPAD, scratchpad_.get()});
}

void Routine::reorder(const Slot& slot) const {
  const dnnl_exec_arg_t arguments[] = {
      {DNNL_ARG_FROM, (slot.output ? slot.primitive : slot.plan).get()},
      {DNNL_ARG_TO, (slot.output ? slot.plan : slot.primitive).get()}};
  execute(slot.reorder, arguments, 2);
}

void Routine::run(void*, std::span<const void* const> data, void* workspace) {
  named(name_, [&] {
    auto* const base = static_cast<std::byte*>(workspace);
    auto address = data.begin();
    for (Slot& slot : slots_) {
      point(slot.plan, *address++);
      if (!slot.reorder) continue;
      point(slot.primitive, base + slot.offset);
      if (!slot.output) reorder(slot);
    }
    point(scratchpad_, base + scratchpad_offset_);
    execute(primitive_, arguments_.data(), arguments_.size());
    for (const Slot& slot : slots_)
      if (slot.reorder && slot.output) reorder(slot);
  });
}

}  // namespace dae::onednn
