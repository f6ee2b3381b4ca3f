// Checkpoints in the safetensors format: eight bytes of header length (little-endian), a JSON
// header {name: {dtype, shape, data_offsets}}, then the values.
// https://github.com/huggingface/safetensors
// What is written here has in its metadata a hash of the whole file, xxh3, and is read only while that
// holds; files of other programs need none.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/files.h"
#include "runtime/tensor.h"

namespace dae {

struct NamedTensor {
  std::string name;
  Tensor tensor;  // on the host, plain layout
};

// Writes atomically. Throws Error naming the file when it cannot be written.
void save_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata = {});

// A file that was read and found sound: every length, offset, dtype and shape is checked first, that
// each of its values belongs to one tensor, and its hash, so a damaged or hostile file ends in an Error
// naming it, never in a bad access.
class Safetensors {
 public:
  explicit Safetensors(const std::filesystem::path& path);

  bool contains(const std::string& name) const { return tensors_.contains(name); }
  // The tensor's values lie in the file's mapping and live as long as this. Throws Error when it is
  // missing or has another shape or dtype.
  const void* get(const std::string& name, const Shape& shape, DType dtype) const;
  const std::map<std::string, Tensor>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  void read_header(std::string_view text, std::span<const uint8_t> values);

  std::string path_;
  MappedFile file_;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace dae
