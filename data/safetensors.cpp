#include "data/safetensors.h"

#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/error.h"

namespace dae {
namespace {

using nlohmann::json;
static_assert(std::endian::native == std::endian::little, "the format is little-endian");

struct DTypeName {
  DType dtype;
  const char* name;
};
constexpr DTypeName kNames[] = {{DType::f32, "F32"},
                                {DType::bf16, "BF16"},
                                {DType::u8, "U8"},
                                {DType::i32, "I32"},
                                {DType::u64, "U64"}};

const char* format_name(DType dtype) {
  for (const DTypeName& known : kNames)
    if (known.dtype == dtype) return known.name;
  return "";
}

Shape shape_of(const json& dims) {
  switch (dims.size()) {
    case 0:
      return {};
    case 1:
      return {dims[0].get<int64_t>()};
    case 2:
      return {dims[0].get<int64_t>(), dims[1].get<int64_t>()};
    case 3:
      return {dims[0].get<int64_t>(), dims[1].get<int64_t>(), dims[2].get<int64_t>()};
    case 4:
      return {dims[0].get<int64_t>(), dims[1].get<int64_t>(), dims[2].get<int64_t>(),
              dims[3].get<int64_t>()};
    default:
      fail("more than four dimensions");
  }
}

}  // namespace

void save_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  json header = json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  size_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    json dims = json::array();
    for (int i = 0; i < tensor.shape.rank(); i++) dims.push_back(tensor.shape[i]);
    header[name] = {{"dtype", format_name(tensor.dtype)},
                    {"shape", dims},
                    {"data_offsets", {offset, offset + tensor.bytes()}}};
    offset += tensor.bytes();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // values start aligned
  const uint64_t length = text.size();
  write_file_atomically(path, [&](const Append& append) {
    append(&length, sizeof(length));
    append(text.data(), text.size());
    for (const auto& named : tensors) append(named.tensor.data, named.tensor.bytes());
  });
}

Safetensors::Safetensors(const std::filesystem::path& path) : path_(path.string()), file_(path) {
  const std::span<const uint8_t> bytes = file_.bytes();
  uint64_t length = 0;
  if (bytes.size() < sizeof(length)) fail("{}: too short for a safetensors file", path_);
  std::memcpy(&length, bytes.data(), sizeof(length));
  if (length > bytes.size() - sizeof(length))
    fail("{}: its header is longer than the file, which may have been cut off", path_);
  const auto text = bytes.subspan(sizeof(length), static_cast<size_t>(length));
  const auto values = bytes.subspan(sizeof(length) + static_cast<size_t>(length));
  try {
    const json header = json::parse(text.begin(), text.end());
    if (!header.is_object()) fail("its header is not a JSON object");
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        metadata_ = entry.get<std::map<std::string, std::string>>();
        continue;
      }
      Tensor tensor;
      bool known = false;
      for (const DTypeName& candidate : kNames)
        if (entry.at("dtype") == candidate.name) {
          tensor.dtype = candidate.dtype;
          known = true;
        }
      if (!known) continue;  // another program's tensor of a kind not used here
      uint64_t elements = 1;
      for (const json& dim : entry.at("shape")) {
        const auto extent = dim.get<uint64_t>();
        if (!dim.is_number_unsigned() || extent > bytes.size() ||
            (extent > 0 && elements > bytes.size() / extent))
          fail("tensor {} has an impossible shape", name);
        elements *= extent;
      }
      tensor.shape = shape_of(entry.at("shape"));
      const json& offsets = entry.at("data_offsets");
      const auto begin = offsets.at(0).get<uint64_t>(), end = offsets.at(1).get<uint64_t>();
      if (begin > end || end > values.size() || end - begin != elements * size_of(tensor.dtype))
        fail("tensor {} does not fit the file, which may have been cut off", name);
      tensor.data = const_cast<uint8_t*>(values.data()) + begin;
      tensors_[name] = tensor;
    }
  } catch (const json::exception& error) {
    fail("{}: not a sound safetensors file: {}", path_, error.what());
  } catch (const Error& error) {
    fail("{}: not a sound safetensors file: {}", path_, error.what());
  }
}

const void* Safetensors::get(const std::string& name, const Shape& shape, DType dtype) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) fail("{}: it holds no tensor {}", path_, name);
  const Tensor& tensor = found->second;
  if (!(tensor.shape == shape) || tensor.dtype != dtype)
    fail("{}: {} is {}, expected {} {}", path_, name, to_string(tensor), name_of(dtype),
         to_string(shape));
  return tensor.data;
}

}  // namespace dae
