/// All that a run of the demo found out, as plain data: what the report shows and report.json holds.
#pragma once

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/report/plot.hpp>

#include "corpus.hpp"
#include "script.hpp"

namespace demo {

struct SubstrateFacts {
  Index vocabulary = 0;
  std::string fingerprint{};
};

/// "en-ru", "en-zh", "merged", "merged+head", "union" or "unigram".
struct ModelFacts {
  std::string name{};
  bool expert = false;  ///< trained by itself, to be merged
  Index parameters = 0;
  Index trainable = 0;  ///< at the end of its training
  std::vector<double>
      test_bits_per_character{};  ///< per language of the result; NaN where it was not measured
};

/// A model at the end of one stage of its growth.
struct GrowthStage {
  std::string model{};
  Index depth = 0;             ///< blocks
  double validation_loss = 0;  ///< nats per token
};

struct Claim {
  std::string claim{};
  bool holds = false;
  std::vector<std::pair<std::string, double>> numbers{};
};

/// Losses in nats per token.
struct LossCurve {
  struct Growth {
    Index step = 0;
    Index depth = 0;  ///< from this step on
  };
  std::string model{};
  std::vector<double> train_steps{}, train_losses{};
  std::vector<double> validation_steps{}, validation_losses{};
  std::vector<Growth> growth{};
};

struct Sample {
  std::string model{};
  std::string language{};
  std::string prompt{};
  std::string text{};
};

/// A row of the frozen table in its first two principal components.
struct ProjectedToken {
  std::string text{};  ///< UTF-8, or the byte of a byte token
  Script script = Script::other;
  double x = 0, y = 0;
};

struct TextFacts {
  std::string language{};
  CorpusAccount account{};
};

struct DemoResult {
  std::string machine{};
  std::string engine{};
  SubstrateFacts substrate{};
  std::vector<std::string> languages{};  ///< "en", "ru", "zh"
  std::vector<ModelFacts> models{};
  std::vector<GrowthStage> growth{};
  std::vector<Claim> claims{};
  double seconds = 0;

  std::vector<LossCurve> curves{};
  std::vector<Sample> samples{};
  std::vector<accrete::plot::BitImageRow> glyphs{};
  std::vector<ProjectedToken> table{};
  std::vector<TextFacts> text{};
  std::vector<std::string> sources{};  ///< of the text
};

/// The mean over all languages; NaN if one is missing.
[[nodiscard]] inline double mean_bits(ModelFacts const& model) {
  double sum = 0;
  for (double const bits : model.test_bits_per_character) sum += bits;
  auto const count = static_cast<double>(model.test_bits_per_character.size());
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace demo
