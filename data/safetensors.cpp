#include "data/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "data/hash.h"
#include "data/text.h"
#include "runtime/error.h"
#include "runtime/rounding.h"

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

// Of dimensions that are whole numbers.
Shape shape_of(const json& dims) {
  const auto d = [&](size_t i) { return dims[i].get<int64_t>(); };
  switch (dims.size()) {
    case 0:
      return {};
    case 1:
      return {d(0)};
    case 2:
      return {d(0), d(1)};
    case 3:
      return {d(0), d(1), d(2)};
    case 4:
      return {d(0), d(1), d(2), d(3)};
    default:
      fail("more than four dimensions");
  }
}

// The file's hash as its metadata has it, with zeros in its own place.
constexpr char kHash[] = "xxh3";
constexpr std::string_view kNoHash = "0000000000000000";

std::string hash_field(std::string_view digits) {
  return fmt::format("\"{}\":\"{}\"", kHash, digits);
}

size_t place_of_hash(std::string_view header, std::string_view digits) {
  const size_t field = header.find(hash_field(digits));
  return field == header.npos ? field : field + hash_field("").size() - 1;
}

bool is_undamaged(std::span<const uint8_t> bytes, std::string_view header,
                  const std::string& hash) {
  const size_t place = place_of_hash(header, hash);
  if (hash.size() != kNoHash.size() || place == header.npos) return false;
  const auto at = static_cast<size_t>(header.data() - reinterpret_cast<const char*>(bytes.data()));
  const auto rest = bytes.subspan(at + place + kNoHash.size());
  Hash found;
  found.add(bytes.data(), at + place);
  found.add(kNoHash.data(), kNoHash.size());
  found.add(rest.data(), rest.size());
  return found.digits() == hash;
}

// Those of our files that were written before there were hashes are "dae ... 1".
bool must_have_hash(const std::string& format) {
  return format.starts_with("dae ") && !format.ends_with(" 1");
}

// Stretches of the values, in any order, must cover them once.
void check_cover(std::vector<std::pair<uint64_t, uint64_t>> stretches, size_t bytes) {
  std::sort(stretches.begin(), stretches.end());
  uint64_t covered = 0;
  for (const auto& [begin, end] : stretches) {
    if (begin != covered)
      fail("bytes {} to {} of its values belong to {}", std::min(begin, covered),
           std::max(begin, covered), begin < covered ? "two tensors" : "no tensor");
    covered = end;
  }
  if (covered != bytes) fail("bytes {} to {} of its values belong to no tensor", covered, bytes);
}

}  // namespace

void save_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  json header = json::object();
  header["__metadata__"] = metadata;
  header["__metadata__"][kHash] = kNoHash;
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
  text.resize(round_up(text.size(), 8), ' ');  // values start aligned
  const uint64_t length = text.size();
  Hash hash;
  hash.add(&length, sizeof(length));
  hash.add(text.data(), text.size());
  for (const auto& named : tensors) hash.add(named.tensor.data, named.tensor.bytes());
  text.replace(place_of_hash(text, kNoHash), kNoHash.size(), hash.digits());
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
    read_header({reinterpret_cast<const char*>(text.data()), text.size()}, values);
  } catch (const json::exception& error) {
    fail("{}: not a sound safetensors file: {}", path_, error.what());
  } catch (const Error& error) {
    fail("{}: not a sound safetensors file: {}", path_, error.what());
  }
}

void Safetensors::read_header(std::string_view text, std::span<const uint8_t> values) {
  const json header = json_from(text);
  if (!header.is_object()) fail("its header is not a JSON object");
  std::vector<std::pair<uint64_t, uint64_t>> stretches;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      metadata_ = entry.get<std::map<std::string, std::string>>();
      continue;
    }
    const json& offsets = entry.at("data_offsets");
    const uint64_t begin = whole_number(offsets.at(0), name),
                   end = whole_number(offsets.at(1), name);
    if (begin > end || end > values.size())
      fail("tensor {} does not fit the file, which may have been cut off", name);
    stretches.emplace_back(begin, end);
    const json& dtype = entry.at("dtype");
    const DTypeName* const known =
        std::find_if(std::begin(kNames), std::end(kNames),
                     [&](const DTypeName& candidate) { return dtype == candidate.name; });
    if (known == std::end(kNames)) continue;  // another program's tensor of a kind not used here
    uint64_t elements = 1;
    for (const json& dim : entry.at("shape")) {
      const uint64_t extent = whole_number(dim, name);
      if (extent > file_.bytes().size() || (extent > 0 && elements > file_.bytes().size() / extent))
        fail("tensor {} has an impossible shape", name);
      elements *= extent;
    }
    if (end - begin != elements * size_of(known->dtype))
      fail("tensor {} does not fit the file, which may have been cut off", name);
    tensors_[name] = {const_cast<uint8_t*>(values.data()) + begin, shape_of(entry.at("shape")),
                      known->dtype};
  }
  check_cover(std::move(stretches), values.size());
  const auto hash = metadata_.find(kHash), format = metadata_.find("format");
  const bool hashed = hash != metadata_.end();
  if (hashed ? !is_undamaged(file_.bytes(), text, hash->second)
             : format != metadata_.end() && must_have_hash(format->second))
    fail(
        "it is damaged, or was changed by another program, which should leave {} out of its "
        "metadata",
        kHash);
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
