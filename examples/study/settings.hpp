/// What a study does, and how large it is.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/core/thread_pool.hpp>
#include <accrete/io/json.hpp>
#include <accrete/train/growth_plan.hpp>

#include "../demo/own_text.hpp"

namespace study {

using accrete::Index;
using accrete::Json;
using accrete::TokenId;

/// Widths are multiples of the substrate's, so that its rows expand by repetition.
struct Scale {
  std::string name;
  Index vocabulary;              // V
  Index substrate_width;         // principal components of the glyphs
  Index model_dim, heads;        // C and H of every model but the union's
  Index union_dim, union_heads;  // about as many parameters as two experts
  Index stage_blocks;            // a model has three times as many
  Index stage_steps;             // a run has three times as many
  Index tuning_steps;            // for heads, gates and adapters after a merge
  Index batch, time;             // B and T
  Index scored_tokens;           // per language and split
  Index pair_seeds, seeds;       // of the cells that are compared in pairs, and of the others
  double learning_rate;
};

[[nodiscard]] inline std::vector<Scale> all_scales() {
  return {{.name = "quick",
           .vocabulary = 1024,
           .substrate_width = 64,
           .model_dim = 64,
           .heads = 2,
           .union_dim = 128,
           .union_heads = 4,
           .stage_blocks = 1,
           .stage_steps = 40,
           .tuning_steps = 20,
           .batch = 8,
           .time = 64,
           .scored_tokens = 2048,
           .pair_seeds = 2,
           .seeds = 2,
           .learning_rate = 3e-3},
          {.name = "small",
           .vocabulary = 2048,
           .substrate_width = 64,
           .model_dim = 128,
           .heads = 4,
           .union_dim = 192,
           .union_heads = 6,
           .stage_blocks = 1,
           .stage_steps = 342,
           .tuning_steps = 60,
           .batch = 8,
           .time = 128,
           .scored_tokens = 8192,
           .pair_seeds = 5,
           .seeds = 3,
           .learning_rate = 3e-3},
          {.name = "paper",
           .vocabulary = 65536,
           .substrate_width = 1024,
           .model_dim = 1024,
           .heads = 32,
           .union_dim = 2048,
           .union_heads = 64,
           .stage_blocks = 3,
           .stage_steps = 45776,
           .tuning_steps = 2000,
           .batch = 64,
           .time = 1024,
           .scored_tokens = 32768,
           .pair_seeds = 5,
           .seeds = 3,
           .learning_rate = 3e-4}};
}

/// Throws ValueError for a name that no scale has.
[[nodiscard]] inline Scale scale_called(std::string_view name) {
  for (Scale const& scale : all_scales())
    if (scale.name == name) return scale;
  throw accrete::ValueError(
      accrete::message("--scale: expected quick, small or paper, got ", name));
}

struct Settings {
  Scale scale = scale_called("quick");
  std::vector<demo::OwnText> own_text{};
  std::filesystem::path text_folder = "out/cache/text";
  std::filesystem::path font = "/usr/share/fonts/opentype/unifont/unifont.otf";
  std::filesystem::path output = "out/study";
  int threads = accrete::ThreadPool::hardware_threads();

  [[nodiscard]] std::filesystem::path state_folder() const { return output / scale.name; }
  [[nodiscard]] std::filesystem::path state(std::string const& name) const {
    return state_folder() / name;
  }
};

}  // namespace study
