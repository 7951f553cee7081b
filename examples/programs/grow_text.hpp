/// The tokens that a growing program trains on and validates with.
#pragma once

#include <accrete/data/batches.hpp>
#include <accrete/data/token_shard.hpp>
#include <accrete/evaluate/perplexity.hpp>
#include <accrete/substrate/substrate.hpp>
#include <accrete/text/vocabulary_fingerprint.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

namespace grow_program {

/// Opens shards, each of which must be of the substrate's vocabulary: by number of tokens, and by fingerprint where the
/// shard has one (of the vocabulary or of the substrate).
[[nodiscard]] inline std::vector<std::shared_ptr<accrete::TokenSource const>> open_shards(
    std::vector<std::filesystem::path> const& paths, accrete::Substrate const& substrate) {
  std::vector<std::shared_ptr<accrete::TokenSource const>> shards;
  for (auto const& path : paths) {
    auto const shard = std::make_shared<accrete::TokenShard const>(path);
    std::string const& mark = shard->fingerprint();
    bool const fits = mark.empty() || mark == substrate.fingerprint() ||
                      mark == accrete::vocabulary_fingerprint(substrate.vocabulary());
    if (shard->vocabulary_size() != substrate.vocabulary_size() || !fits)
      throw accrete::MismatchError(
          accrete::message(path.string(), ": its ", shard->vocabulary_size(),
                           " tokens are those of another vocabulary than the substrate's ",
                           substrate.vocabulary_size()));
    shards.push_back(shard);
  }
  return shards;
}

/// The first `most` tokens of each shard.
[[nodiscard]] inline std::vector<std::vector<accrete::TokenId>> read_beginnings(
    std::vector<std::shared_ptr<accrete::TokenSource const>> const& shards, accrete::Index most) {
  std::vector<std::vector<accrete::TokenId>> texts;
  for (auto const& shard : shards) {
    auto& text = texts.emplace_back(static_cast<std::size_t>(std::min(most, shard->size())));
    shard->read(0, text);
  }
  return texts;
}

/// The mean loss over all texts, in nats per token.
template <class Model>
[[nodiscard]] double validation_loss(Model const& model,
                                     std::vector<std::vector<accrete::TokenId>> const& texts,
                                     accrete::ScoringOptions options) {
  accrete::LossSum total;
  for (auto const& text : texts) {
    auto const sum =
        accrete::score_tokens(model, text, model.substrate().vocabulary().begin(), options);
    total.sum += sum.sum;
    total.tokens += sum.tokens;
  }
  return total.mean();
}

}  // namespace grow_program
