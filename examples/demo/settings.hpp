/// What a run of the demo does, and how large it is.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <accrete/accrete.hpp>

#include "own_text.hpp"

namespace demo {

/// The size of the job. Widths are multiples of the substrate's, so that its rows expand by repetition.
struct Scale {
  std::string name;
  Index vocabulary;        ///< V
  Index substrate_width;   ///< principal components of the glyphs
  Index model_dim, heads;  ///< of an expert
  Index union_dim,
      union_heads;  ///< of the model that is trained on all text, with about as many parameters as both
  std::vector<Index> stages;  ///< blocks that each stage of growth adds
  Index steps;          ///< of a stage of an expert; the union model takes as many for each expert
  Index batch, time;    ///< B and T
  Index tuning_steps;   ///< for the heads after the merge
  Index scored_tokens;  ///< per language and split
  double learning_rate;
};

[[nodiscard]] inline Scale full_scale() {
  return {.name = "full",
          .vocabulary = 4096,
          .substrate_width = 96,
          .model_dim = 192,
          .heads = 6,
          .union_dim = 288,
          .union_heads = 9,
          .stages = {2, 2, 2},
          .steps = 400,
          .batch = 8,
          .time = 128,
          .tuning_steps = 200,
          .scored_tokens = 32768,
          .learning_rate = 2e-3};
}

[[nodiscard]] inline Scale quick_scale() {
  return {.name = "quick",
          .vocabulary = 2048,
          .substrate_width = 64,
          .model_dim = 128,
          .heads = 4,
          .union_dim = 192,
          .union_heads = 6,
          .stages = {1, 1},
          .steps = 200,
          .batch = 8,
          .time = 128,
          .tuning_steps = 60,
          .scored_tokens = 8192,
          .learning_rate = 3e-3};
}

struct Settings {
  Scale scale = full_scale();
  std::vector<OwnText> own_text{};
  std::filesystem::path text_folder = "out/cache/text";
  std::filesystem::path font = "/usr/share/fonts/opentype/unifont/unifont.otf";
  std::filesystem::path output = "out/demo";
  std::uint64_t seed = 1;
  int threads = 0;  ///< 0: all

  [[nodiscard]] std::filesystem::path state_folder() const { return output / "state"; }

  /// What must be equal for a run to go on where another one stopped.
  [[nodiscard]] accrete::Json identity() const {
    auto const& s = scale;
    accrete::Json stages = accrete::Json::array(), text = accrete::Json::array();
    for (Index const blocks : s.stages) stages.push_back(blocks);
    for (OwnText const& own : own_text) text.push_back(own.language + "=" + own.path.string());
    return accrete::Json::object({{"scale", s.name},
                                  {"vocabulary", s.vocabulary},
                                  {"substrate_width", s.substrate_width},
                                  {"model_dim", s.model_dim},
                                  {"union_dim", s.union_dim},
                                  {"stages", stages},
                                  {"steps", s.steps},
                                  {"batch", s.batch},
                                  {"time", s.time},
                                  {"tuning_steps", s.tuning_steps},
                                  {"learning_rate", s.learning_rate},
                                  {"text", text},
                                  {"seed", static_cast<Index>(seed)}});
  }
};

}  // namespace demo
