/// Text from a language model, token by token through the KV cache.
#pragma once

#include <algorithm>
#include <functional>
#include <iostream>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/concepts/language_model.hpp>
#include <accrete/core/random.hpp>
#include <accrete/generate/next_tokens.hpp>
#include <accrete/memory/repeated_work.hpp>
#include <accrete/text/bpe_tokenizer.hpp>

ACCRETE_BEGIN_NAMESPACE

struct GenerateOptions {
  Index max_tokens = 64;  ///< new tokens at most, for each prompt
  SamplingOptions sampling{};
  std::uint64_t seed = 1;   ///< token i of prompt b is drawn from the stream (seed, b) at i
  bool stop_at_end = true;  ///< `</s>` ends a text and is not part of it
  Index prefill = 128;      ///< prompt tokens that go through the model at once
  std::stop_token stop{};
  /// Called with what has come to be computed slowly; without it, that is written to std::cerr.
  std::function<void(std::string_view)> on_warning{};
};

namespace detail {

/// Prompts of several lengths side by side. Each stands at its own position, so that a prompt gives the same tokens
/// alone and in any company. Where model and backend allow it, a step is one record that the backend repeats.
template <DecodesTokens Model>
class Generation {
 public:
  using Backend = typename Model::Backend;

  Generation(Model const& model, std::vector<std::vector<TokenId>> prompts,
             GenerateOptions const& options)
      : model_(model),
        prompts_(std::move(prompts)),
        options_(options),
        longest_(longest(prompts_)),
        session_(model, {.batch = batch(),
                         .time = std::clamp<Index>(options.prefill, 1, longest_),
                         .cache = longest_ + std::max<Index>(options.max_tokens, 0)}),
        drawn_(model.backend(), batch(), model.substrate().vocabulary_size(), options.sampling),
        next_(prompts_.size()),
        uniform_(prompts_.size()),
        done_(prompts_.size(), false) {}

  /// Calls on_token(row, token) for each new token.
  template <class OnToken>
  void run(OnToken&& on_token) {
    if (options_.max_tokens < 1) return;
    prefill();
    for (Index made = 0;; ++made) {
      warn();
      for (std::size_t row = 0; row < next_.size(); ++row) {
        if (done_[row]) continue;
        if (options_.stop_at_end && next_[row] == model_.substrate().vocabulary().end())
          done_[row] = true;
        else
          on_token(row, next_[row]);
      }
      bool const all_done = std::find(done_.begin(), done_.end(), false) == done_.end();
      if (all_done || made + 1 == options_.max_tokens || options_.stop.stop_requested()) return;
      step(made + 1);
    }
  }

 private:
  [[nodiscard]] Index batch() const { return static_cast<Index>(prompts_.size()); }

  static Index longest(std::vector<std::vector<TokenId>> const& prompts) {
    Index longest = 0;
    for (auto const& prompt : prompts) {
      if (prompt.empty()) throw ValueError("generate: a prompt needs at least one token");
      longest = std::max(longest, static_cast<Index>(prompt.size()));
    }
    if (longest == 0) throw ValueError("generate: no prompts");
    return longest;
  }

  /// Runs all prompts through the model in steps of equal length. Shorter ones are filled up behind their end, where
  /// causal attention does not look back from, and are then rewound to their length.
  void prefill() {
    std::vector<TokenId> ids;
    for (Index begin = 0; begin < longest_; begin += session_.plan().time) {
      Index const count = std::min(session_.plan().time, longest_ - begin);
      ids.assign(static_cast<std::size_t>(batch() * count), 0);
      for (Index row = 0; row < batch(); ++row) {
        auto const& prompt = prompts_[static_cast<std::size_t>(row)];
        Index const end = std::min<Index>(begin + count, static_cast<Index>(prompt.size()));
        for (Index t = begin; t < end; ++t)
          ids[static_cast<std::size_t>(row * count + t - begin)] =
              prompt[static_cast<std::size_t>(t)];
      }
      model_.decode_step(session_, {ids.data(), {batch(), count}});
      for (Index row = 0; row < batch(); ++row) {
        Index const last = static_cast<Index>(prompts_[static_cast<std::size_t>(row)].size()) - 1;
        if (begin <= last && last < begin + count) choose(row, row * count + last - begin);
      }
    }
    for (Index row = 0; row < batch(); ++row)
      session_.rewind(row, static_cast<Index>(prompts_[static_cast<std::size_t>(row)].size()));
  }

  /// Draws the first token of prompt `row` from the hidden states in row `hidden_row`.
  void choose(Index row, Index hidden_row) {
    double const uniform = uniform_at(row, 0);
    drawn_.stage({&uniform, 1});
    drawn_.draw(model_.classifier(session_), hidden_row);
    next_[static_cast<std::size_t>(row)] = drawn_.read().front();
  }

  /// Goes on by the tokens at hand, and draws token `number` of each prompt.
  void step(Index number) {
    HostView<TokenId const, 2> const ids(next_.data(), {batch(), 1});
    for (Index row = 0; row < batch(); ++row)
      uniform_[static_cast<std::size_t>(row)] = uniform_at(row, number);
    drawn_.stage(uniform_);
    if constexpr (StagesDecoding<Model> && DrawsTokens<Backend>) {
      model_.stage_step(session_, ids);
      auto const classifier = model_.classifier(session_);
      steps_.run(model_.backend(), [&] {
        model_.run_step(session_);
        drawn_.draw(classifier, 0);
      });
      model_.finish_step(session_);
    } else {
      model_.decode_step(session_, ids);
      drawn_.draw(model_.classifier(session_), 0);
    }
    std::ranges::copy(drawn_.read(), next_.begin());
  }

  [[nodiscard]] double uniform_at(Index row, Index number) const {
    return RandomStream(options_.seed, static_cast<std::uint64_t>(row))
        .uniform(static_cast<std::uint64_t>(number));
  }

  void warn() const {
    if constexpr (WarnsOfSlowness<Backend>) {
      std::string const warning = model_.backend().take_warning();
      if (warning.empty()) return;
      if (options_.on_warning)
        options_.on_warning(warning);
      else
        std::cerr << "accrete: generate: " << warning << "\n";
    }
  }

  Model const& model_;
  std::vector<std::vector<TokenId>> prompts_;
  GenerateOptions const& options_;
  Index longest_;
  typename Model::Session session_;
  NextTokens<Backend> drawn_;
  RepeatedWork<Backend> steps_;
  std::vector<TokenId> next_;
  std::vector<double> uniform_;
  std::vector<bool> done_;
};

}  // namespace detail

/// New tokens for each prompt of tokens, without the prompts themselves.
template <DecodesTokens Model>
[[nodiscard]] std::vector<std::vector<TokenId>> generate_tokens(
    Model const& model, std::vector<std::vector<TokenId>> prompts, GenerateOptions const& options) {
  std::vector<std::vector<TokenId>> result(prompts.size());
  detail::Generation<Model>(model, std::move(prompts), options)
      .run([&](std::size_t row, TokenId token) { result[row].push_back(token); });
  return result;
}

/// Continues `prompt`, which follows the token `<s>`. `on_text` is called with each piece of text as it comes; a piece
/// never ends inside a code point. Returns all pieces together.
template <DecodesTokens Model>
std::string generate(Model const& model, std::string_view prompt,
                     GenerateOptions const& options = {},
                     std::function<void(std::string_view)> const& on_text = {}) {
  BpeTokenizer const tokenizer(model.substrate().vocabulary());
  std::vector<TokenId> ids{tokenizer.vocabulary().begin()};
  auto const encoded = tokenizer.encode(prompt);
  ids.insert(ids.end(), encoded.begin(), encoded.end());

  auto decoder = tokenizer.streaming_decoder();
  std::string text;
  auto const emit = [&](auto&& make_piece) {
    std::string piece;
    make_piece(piece);
    if (on_text && !piece.empty()) on_text(piece);
    text += piece;
  };
  detail::Generation<Model>(model, {std::move(ids)}, options).run([&](std::size_t, TokenId token) {
    emit([&](std::string& piece) { decoder.push(token, piece); });
  });
  emit([&](std::string& piece) { decoder.finish(piece); });
  return text;
}

ACCRETE_END_NAMESPACE
