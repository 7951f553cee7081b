/// Bits per character of the models. What a frozen body makes of the test text is made once and kept; the merge and the
/// tuned heads start from it.
#pragma once

#include <cmath>
#include <numbers>
#include <vector>

#include "models.hpp"
#include "tokens.hpp"

namespace demo {

/// One batch of windows and what each expert's body makes of it.
struct ScoredBatch {
  Index windows = 0;
  std::vector<TokenId> inputs, targets;      // (windows,T)
  std::vector<std::vector<float>> features;  // per expert: (windows,T,C)
};

/// Text of one language with the features of some experts.
class ScoredLanguage {
 public:
  ScoredLanguage(ScoredText const& text, TokenId first, Settings const& settings)
      : code_points_(text.code_points), time_(settings.scale.time) {
    accrete::for_each_window(
        text.tokens, first, {.batch = settings.scale.batch, .time = time_},
        [&](std::span<TokenId const> inputs, std::span<TokenId const> targets, Index windows) {
          batches_.push_back({.windows = windows,
                              .inputs = {inputs.begin(), inputs.end()},
                              .targets = {targets.begin(), targets.end()},
                              .features = {}});
        });
  }

  /// Runs embedding and body of one more expert over the text.
  void add_expert(Expert const& expert, Expert::Session& session) {
    for (ScoredBatch& batch : batches_) {
      expert.forward(session, {batch.inputs.data(), {batch.windows, time_}});
      auto const features = expert.features(session).span();
      batch.features.emplace_back(features.begin(), features.end());
    }
  }

  /// Bits per character of experts [first, first + sizeof...(experts)) of those added, mean of logits.
  template <class... Experts>
  [[nodiscard]] double bits_per_character(std::size_t first, Backend const& backend,
                                          accrete::LossScratch<Backend>& scratch,
                                          Experts const&... experts) const {
    accrete::LossSum total;
    std::tuple<typename Experts::Session...> sessions{
        typename Experts::Session(experts, {.batch = batches_.front().windows, .time = time_})...};
    for (ScoredBatch const& batch : batches_) {
      std::vector<accrete::ClassifierTerm<Backend>> terms;
      auto const add = [&](auto const& expert, auto& session) {
        auto const& features = batch.features.at(first + terms.size());
        Index const width = static_cast<Index>(features.size()) / (batch.windows * time_);
        expert.forward_from_features(session, {features.data(), {batch.windows, time_, width}});
        auto term = expert.classifier(session)[0];
        term.scale = 1.0 / sizeof...(Experts);
        terms.push_back(term);
      };
      std::apply([&](auto&... session) { (add(experts, session), ...); }, sessions);
      accrete::View<Backend, TokenId const, 1> const targets{
          batch.targets.data(), {static_cast<Index>(batch.targets.size())}};
      auto const losses = scratch.losses(targets.count());
      accrete::classifier_loss_forward<Backend>(backend, terms, targets, losses, scratch.logits());
      auto const sum = accrete::sum_of_losses(losses, targets);
      total.sum += sum.sum;
      total.tokens += sum.tokens;
    }
    return accrete::bits_per_character(total, code_points_);
  }

 private:
  Index code_points_, time_;
  std::vector<ScoredBatch> batches_;
};

/// Tokens drawn independently with their frequency in the training text, every count one higher so that none is 0.
class UnigramModel {
 public:
  UnigramModel(std::vector<LanguageTokens> const& languages, Index vocabulary_size)
      : counts_(static_cast<std::size_t>(vocabulary_size), 1.0) {
    for (LanguageTokens const& language : languages)
      for (TokenId const token : language.train_tokens)
        counts_[static_cast<std::size_t>(token)] += 1;
    for (double const count : counts_) total_ += count;
  }

  [[nodiscard]] double bits_per_character(ScoredText const& text) const {
    double bits = 0;
    for (TokenId const token : text.tokens)
      bits -= std::log2(counts_[static_cast<std::size_t>(token)] / total_);
    return bits / static_cast<double>(text.code_points);
  }

 private:
  std::vector<double> counts_;
  double total_ = 0;
};

}  // namespace demo
