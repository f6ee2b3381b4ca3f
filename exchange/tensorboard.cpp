#include "exchange/tensorboard.h"

#include <fmt/format.h>

#include <boost/crc.hpp>
#include <chrono>
#include <cstring>
#include <utility>

#include "data/files.h"
#include "event.pb.h"
#include "record/run_config.h"
#include "runtime/error.h"

namespace dae {
namespace {

template <class T>
std::string bytes_of(T number) {  // little-endian, as this machine's memory is
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &number, sizeof(T));
  return bytes;
}

// CRC-32C, turned and moved: a checksum of bytes that hold checksums of their own would see less.
std::string masked_crc(const std::string& bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  const uint32_t sum = crc.checksum();
  return bytes_of<uint32_t>(((sum >> 15) | (sum << 17)) + 0xA282EAD8u);
}

events::Event event_at(uint64_t step) {
  events::Event event;
  event.set_wall_time(
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
  event.set_step(static_cast<int64_t>(step));
  return event;
}

void append(const std::filesystem::path& file, const events::Event& event) {
  append_line(file, tensorboard_record(event.SerializeAsString()));
}

void add_scalar(events::Event& event, const std::string& tag, double value) {
  events::Summary::Value& entry = *event.mutable_summary()->add_value();
  entry.set_tag(tag);
  entry.set_simple_value(static_cast<float>(value));
}

// A side of a PNG picture: both stand in its first chunk, big-endian.
int32_t png_side(const std::string& png, size_t at) {
  uint32_t side = 0;
  for (size_t i = at; i < at + 4; i++) side = side << 8 | static_cast<uint8_t>(png[i]);
  return static_cast<int32_t>(side);
}

}  // namespace

std::string tensorboard_record(const std::string& bytes) {
  const std::string length = bytes_of<uint64_t>(bytes.size());
  return length + masked_crc(length) + bytes + masked_crc(bytes);
}

void TensorBoard::started(const TrainingStart& start) {
  const RunConfig config = read_run_config(start.run);
  terms_.clear();
  if (!config.loss.is_plain_mse())
    for (const LossSpec::Term& term : config.loss.terms) terms_.emplace_back(name_of(term.kind));
  const std::filesystem::path folder = start.run / "tensorboard";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) fail("{}: cannot be made: {}", folder.string(), error.message());
  events::Event first = event_at(0);
  // Files are read in their names' order, and a name with "tfevents" in it is theirs.
  file_ = folder / fmt::format("events.out.tfevents.{:017.6f}", first.wall_time());
  step_ = pictured_ = start.step;
  first.set_file_version("brain.Event:2");
  append(file_, first);
  if (start.step > 0) {
    events::Event session = event_at(start.step + 1);
    session.mutable_session_log()->set_status(events::SessionLog::START);
    append(file_, session);
  }
  next_.started(start);
}

void TensorBoard::measured(const MetricsRow& row) {
  events::Event event = event_at(step_ = row.step);
  add_scalar(event, "train/loss", row.loss);
  add_scalar(event, "train/learning_rate", row.learning_rate);
  add_scalar(event, "train/gradient_norm", row.gradient_norm);
  add_scalar(event, "train/images_per_second", row.images_per_second);
  for (size_t i = 0; i < row.terms.size(); i++) {
    add_scalar(event, "train/" + terms_.at(i), row.terms[i].value);
    add_scalar(event, "train/" + terms_.at(i) + "_gradient_norm", row.terms[i].gradient_norm);
  }
  if (row.validation_psnr) add_scalar(event, "validation/psnr", *row.validation_psnr);
  append(file_, event);
  next_.measured(row);
}

// A run's last sheet is written twice.
void TensorBoard::sampled(const std::filesystem::path& picture) {
  if (step_ != std::exchange(pictured_, step_)) add_picture(picture);
  next_.sampled(picture);
}

void TensorBoard::add_picture(const std::filesystem::path& picture) const {
  const std::vector<uint8_t> bytes = read_file(picture);
  std::string png(bytes.begin(), bytes.end());
  events::Event event = event_at(step_);
  events::Summary::Value& entry = *event.mutable_summary()->add_value();
  entry.set_tag("validation/samples");
  entry.mutable_image()->set_width(png_side(png, 16));
  entry.mutable_image()->set_height(png_side(png, 20));
  entry.mutable_image()->set_colorspace(3);
  entry.mutable_image()->set_encoded_image_string(std::move(png));
  append(file_, event);
}

void TensorBoard::preparing(const std::string& what, size_t done, size_t total) {
  next_.preparing(what, done, total);
}
void TensorBoard::noted(const std::string& line) {
  next_.noted(line);
}
void TensorBoard::warned(const std::string& text) {
  next_.warned(text);
}
void TensorBoard::progressed(const TrainingProgress& progress) {
  next_.progressed(progress);
}
void TensorBoard::saved(uint64_t step, const std::filesystem::path& checkpoint) {
  next_.saved(step, checkpoint);
}

}  // namespace dae
