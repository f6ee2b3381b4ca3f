// train FOLDER RUN SECONDS: trains a network on the pictures in FOLDER, and measures it.
#include <dae/error.h>
#include <dae/training.h>

#include <iostream>
#include <string>

namespace {

struct Console : dae::TrainingObserver {  // dae/training.h has more events
  void started(const dae::TrainingStart& start) override {
    std::cout << start.weights << " weights, " << start.training_pictures << " pictures\n";
  }
  void measured(const dae::MetricsRow& row) override {
    if (row.validation_psnr)
      std::cout << "step " << row.step << ": " << *row.validation_psnr << " dB\n";
  }
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw dae::UsageError("give FOLDER RUN SECONDS");
  Console console;
  dae::TrainingOptions options;
  options.dataset = argv[1];
  options.out = argv[2];
  options.size = 32;
  options.width = 8;
  options.budget = {.seconds = std::stod(argv[3])};
  const dae::TrainingOutcome outcome = dae::train(options, console);
  const dae::EvaluationRow& all = outcome.evaluation.rows.front();
  std::cout << "held-out pictures: " << all.corrupted.mean.psnr << " dB corrupted, "
            << all.restored.mean.psnr << " dB restored\n";
  return 0;
} catch (const std::exception& error) {
  std::cerr << "train: " << error.what() << "\n";
  return 1;
}
