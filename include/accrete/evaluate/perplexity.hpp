/// How well a model predicts text: mean loss over fixed windows, and bits per character.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/model/loss.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Scores a run of tokens in windows of T that start afresh: the first token of each window is predicted from `first`
/// (`<s>`), so that no token is left out and none is conditioned on another window.
struct ScoringOptions {
  Index batch = 8;
  Index time = 256;
};

/// Calls f(inputs, targets) for batches (B,T) of windows that cover `tokens`; the rest of the last window has ignored
/// targets.
template <class F>
void for_each_window(std::span<TokenId const> tokens, TokenId first, ScoringOptions options,
                     F&& f) {
  if (options.batch < 1 || options.time < 1)
    throw ValueError(message("scoring: batch and time must be positive, got ", options.batch,
                             " and ", options.time));
  auto const per_batch = static_cast<std::size_t>(options.batch * options.time);
  auto const time = static_cast<std::size_t>(options.time);
  std::vector<TokenId> inputs, targets;
  for (std::size_t begin = 0; begin < tokens.size(); begin += per_batch) {
    std::size_t const rest = tokens.size() - begin;
    std::size_t const windows = std::min(per_batch, (rest + time - 1) / time * time) / time;
    inputs.assign(windows * time, first);
    targets.assign(windows * time, ignored_target);
    for (std::size_t i = 0; i < std::min(rest, windows * time); ++i) {
      targets[i] = tokens[begin + i];
      if (i % time != 0) inputs[i] = tokens[begin + i - 1];
    }
    f(std::span<TokenId const>(inputs), std::span<TokenId const>(targets),
      static_cast<Index>(windows));
  }
}

/// The summed loss in nats over all tokens.
template <ScoresTokens Model>
[[nodiscard]] LossSum score_tokens(Model const& model, std::span<TokenId const> tokens,
                                   TokenId first, ScoringOptions options = {}) {
  using Backend = typename Model::Backend;
  LossSum total;
  typename Model::Session session(model, {.batch = options.batch, .time = options.time});
  LossScratch<Backend> scratch(model.backend(), options.batch * options.time,
                               model.substrate().vocabulary_size());
  for_each_window(
      tokens, first, options,
      [&](std::span<TokenId const> inputs, std::span<TokenId const> targets, Index windows) {
        auto const view = [&](std::span<TokenId const> ids) {
          return HostView<TokenId const, 2>(ids.data(), {windows, options.time});
        };
        auto const sum = evaluate_loss(model, session, view(inputs), view(targets), scratch);
        total.sum += sum.sum;
        total.tokens += sum.tokens;
      });
  return total;
}

/// exp of the mean loss.
[[nodiscard]] inline double perplexity(LossSum const& loss) {
  return std::exp(loss.mean());
}

/// Total bits over code points of the scored text.
[[nodiscard]] inline double bits_per_character(LossSum const& loss, Index code_points) {
  return code_points == 0 ? 0.0 : loss.sum / std::numbers::ln2 / static_cast<double>(code_points);
}

ACCRETE_END_NAMESPACE
