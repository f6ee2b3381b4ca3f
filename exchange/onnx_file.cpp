#include "exchange/onnx_file.h"

#include <dae/version.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "corrupt/spec.h"
#include "data/files.h"
#include "exchange/onnx_layers.h"
#include "record/network_file.h"
#include "restore/restorer.h"
#include "runtime/error.h"

namespace dae {
namespace {

using Ints = std::vector<int64_t>;

std::string trained_for(const RunConfig& config) {
  std::string text;
  for (const RangeField& field : range_fields()) {
    const Range& range = config.corruption.*field.range;
    if (range.present) text += fmt::format("{} {}, ", field.name, to_string(range));
  }
  if (text.empty()) return "pairs of pictures";
  return fmt::format("{}order {}", text, name_of(config.corruption.order));
}

// The rows at which a picture of n rows is read for `positions`: runtime/reflect.h.
OnnxValue reflected(OnnxGraph& g, const OnnxValue& positions, const OnnxValue& n) {
  const OnnxValue period = g.times(g.whole(2), g.minus(n, g.whole(1)));
  const OnnxValue in_period = g.add("Mod", {positions, g.larger(period, g.whole(1))});
  return g.smaller(in_period, g.minus(period, in_period));
}

OnnxValue counting(OnnxGraph& g, const OnnxValue& n) {
  return g.add("Range", {g.whole(0), n, g.whole(1)});
}

// x with the rows and columns that `which` chooses for a side of so many.
template <class Which>
OnnxValue gathered(OnnxGraph& g, OnnxValue x, const Which& which) {
  for (const int64_t axis : {2, 3})
    x = g.add("Gather", {x, which(g.length(x, axis))}, {{"axis", axis}});
  return x;
}

// Sides that are multiples of the grid, by reflection to the right and below.
OnnxValue on_grid(OnnxGraph& g, const OnnxValue& x, int64_t grid) {
  return gathered(g, x, [&](const OnnxValue& n) {
    const OnnxValue cells = g.over(g.plus(n, g.whole(grid - 1)), g.whole(grid));
    return reflected(g, counting(g, g.times(cells, g.whole(grid))), n);
  });
}

// The gain {N, 3, 1, 1} of whole pictures: the geometric mean of those of crops of the size that the
// network was trained on, which are spread as Restorer spreads them.
OnnxValue picture_gain(OnnxGraph& g, const OnnxValue& x, int64_t size) {
  const OnnxValue none = g.whole(0), one = g.whole(1), side = g.whole(size);
  std::vector<OnnxValue> counts;
  const OnnxValue crops = gathered(g, x, [&](const OnnxValue& n) {
    const OnnxValue to_cover = g.over(g.plus(n, g.whole(size - 1)), side);
    const OnnxValue count = g.smaller(to_cover, g.whole(kGainCrops));
    const OnnxValue room = g.larger(g.minus(n, side), none);
    const OnnxValue between = g.larger(g.minus(count, one), one);
    const OnnxValue lacking = g.larger(g.minus(side, n), none);
    const OnnxValue starts =
        g.minus(g.over(g.times(counting(g, count), room), between), g.over(lacking, g.whole(2)));
    counts.push_back(count);
    const OnnxValue windows =
        g.plus(g.add("Unsqueeze", {starts, g.wholes({1})}), counting(g, side));
    return reflected(g, g.add("Reshape", {windows, g.wholes({-1})}), n);
  });
  const OnnxValue apart =
      g.add("Reshape", {crops, g.shape({none, g.whole(3), counts[0], side, counts[1], side})});
  const OnnxValue in_a_row = g.add("Transpose", {apart}, {{"perm", Ints{0, 2, 4, 1, 3, 5}}});
  const OnnxValue batch = g.add("Reshape", {in_a_row, g.wholes({-1, 3, size, size})});
  const OnnxValue logs = g.add("Log", {add_onnx_layers(g, gain_layers(), batch)});
  const OnnxValue of_each =
      g.add("Reshape", {logs, g.shape({g.length(x, 0), g.whole(-1), g.whole(3)})});
  const OnnxValue mean =
      g.add("ReduceMean", {of_each}, {{"axes", Ints{1}}, {"keepdims", int64_t{0}}});
  return g.add("Unsqueeze", {g.add("Exp", {mean}), g.wholes({2, 3})}, {}, "gain");
}

// The restoration of x {N, 3, H, W} in [0, 1].
OnnxValue restoration(OnnxGraph& g, const NetworkConfig& network, const OnnxValue& x,
                      const OnnxValue& sigma) {
  const bool pads = !has_one_size(network);
  const OnnxValue told = network.noise_input ? g.over(sigma, g.number(255)) : OnnxValue();
  OnnxValue y =
      add_onnx_layers(g, body_layers(network), pads ? on_grid(g, x, grid_of(network)) : x, told);
  if (pads)
    y = g.add("Slice",
              {y, g.wholes({0, 0}), g.shape({g.length(x, 2), g.length(x, 3)}), g.wholes({2, 3})});
  if (ends_in_sigmoid(network)) return g.add("Sigmoid", {y});
  if (network.residual) y = g.plus(y, x);
  if (has_gain(network)) y = g.times(y, picture_gain(g, x, network.size));
  if (!network.noise_input) return y;
  const OnnxValue too_little = g.add("Less", {sigma, g.number(float(kNoiseOfRounding))});
  return g.add("Where", {g.add("Unsqueeze", {too_little, g.wholes({1, 2, 3})}), x, y});
}

void describe(onnx::ValueInfoProto& value, const std::string& name, int32_t type,
              const std::vector<std::variant<int64_t, std::string>>& shape,
              const std::string& words) {
  value.set_name(name);
  value.set_doc_string(words);
  onnx::TypeProto::Tensor& tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  for (const auto& side : shape) {
    onnx::TensorShapeProto::Dimension& dimension = *tensor.mutable_shape()->add_dim();
    if (const auto* const fixed = std::get_if<int64_t>(&side))
      dimension.set_dim_value(*fixed);
    else
      dimension.set_dim_param(std::get<std::string>(side));
  }
}

void add_metadata(onnx::ModelProto& model, const TrainedNetwork& network) {
  const NetworkConfig& config = network.config.network;
  for (const auto& [key, value] :
       {std::pair<std::string, std::string>{"trained_for", trained_for(network.config)},
        {"receptive_radius", fmt::format("{}", receptive_radius(config))},
        {"grid", fmt::format("{}", grid_of(config))},
        {"dae_version", version()},
        {"config", to_json(without_names_of_pictures(network.config)).dump()}}) {
    onnx::StringStringEntryProto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
}

onnx::ModelProto model_of(const TrainedNetwork& network, OnnxPixels pixels) {
  const NetworkConfig& config = network.config.network;
  const bool bytes = pixels == OnnxPixels::u8;
  onnx::ModelProto model;
  model.set_ir_version(OnnxGraph::kIrVersion);
  model.add_opset_import()->set_version(OnnxGraph::kOpset);
  model.set_producer_name("dae");
  model.set_producer_version(version());
  add_metadata(model, network);
  onnx::GraphProto& proto = *model.mutable_graph();
  proto.set_name(fmt::format("dae {}", name_of(config.kind)));
  OnnxGraph g(proto, network.parameters, network.weights);

  std::vector<std::variant<int64_t, std::string>> shape = {"N", 3, "H", "W"};
  if (has_one_size(config)) shape = {"N", 3, config.size, config.size};
  const int32_t type = bytes ? onnx::TensorProto::UINT8 : onnx::TensorProto::FLOAT;
  describe(*proto.add_input(), "picture", type, shape,
           bytes ? "RGB in bytes" : "RGB in [0, 1], sRGB-encoded as files are");
  if (config.noise_input)
    describe(*proto.add_input(), "sigma", onnx::TensorProto::FLOAT, {"N"},
             "the noise's standard deviation in units of 1/255; below 0.29 a picture comes back as "
             "it is");
  describe(*proto.add_output(), "restored", type, shape, bytes ? "RGB in bytes" : "not clamped");

  OnnxValue x = "picture";
  if (bytes)
    x = g.over(g.add("Cast", {x}, {{"to", int64_t{onnx::TensorProto::FLOAT}}}), g.number(255));
  OnnxValue y = restoration(g, config, x, "sigma");
  if (bytes) {
    const OnnxValue clamped = g.add("Clip", {y, g.number(0), g.number(1)});
    y = g.add("Floor", {g.plus(g.times(clamped, g.number(255)), g.number(0.5f))});
    g.add("Cast", {y}, {{"to", int64_t{onnx::TensorProto::UINT8}}}, "restored");
  } else {
    g.add("Identity", {y}, {}, "restored");
  }
  return model;
}

}  // namespace

void save_onnx(const std::filesystem::path& path, const TrainedNetwork& network,
               OnnxPixels pixels) {
  write_file_atomically(path, std::string_view(model_of(network, pixels).SerializeAsString()));
}

}  // namespace dae
