/// The types of the demo: what the networks are.
#pragma once

#include <accrete/accrete.hpp>

#include "settings.hpp"

namespace demo {

using Backend = accrete::CpuBackend;
using Block =
    accrete::TransformerBlock<accrete::dynamic_block, Backend>;  // sizes come from the scale
using Expert =
    accrete::Decoder<accrete::FrozenGlyphEmbedding, accrete::Growable<accrete::Stack<Block>>>;
using Merged = accrete::Ensemble<Expert, Expert>;

[[nodiscard]] inline Expert make_model(Backend const& backend, accrete::Substrate const& substrate,
                                       Settings const& settings, Index model_dim, Index heads,
                                       std::uint64_t seed) {
  Index depth = 0;
  for (Index const blocks : settings.scale.stages) depth += blocks;
  return Expert{
      backend,
      substrate,
      {.seed = seed,
       .planned_depth = depth,
       .block = {.model_dim = model_dim, .head_count = heads, .hidden_dim = 4 * model_dim}}};
}

/// All parameters of a model, and those that train.
template <class Model>
[[nodiscard]] std::pair<Index, Index> count_parameters(Model& model) {
  Index all = 0, trainable = 0;
  model.for_each_segment([&](std::string const&, auto const& segment) {
    all += segment.parameter_count();
    if (segment.trainable()) trainable += segment.parameter_count();
  });
  return {all, trainable};
}

}  // namespace demo
