/// The next tokens of sequences side by side, from the classifier of a model: drawn by its backend where that samples, else
/// on the host.
#pragma once

#include <span>
#include <vector>

#include <accrete/generate/sampling.hpp>
#include <accrete/memory/staging.hpp>
#include <accrete/memory/workspace.hpp>
#include <accrete/ops/classifier.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// Backends that sample and tell the host of it without its waiting for each step of the work.
template <class Backend>
concept DrawsTokens = HasSampling<Backend> && PinsHostMemory<Backend>;

/// `stage` is the host's part, then `draw`, then `read`, which waits for the backend.
template <ComputeBackend Backend>
class NextTokens {
 public:
  /// For at most `rows` sequences at once.
  NextTokens(Backend const& backend, Index rows, Index vocabulary, SamplingOptions const& options)
      : backend_(backend), sampler_(options), tokens_(static_cast<std::size_t>(rows)) {
    auto [memory, logits] = plan_on(backend, [&](Workspace<Backend>& workspace) {
      return workspace.template tensor<Element>(Index{1}, vocabulary);
    });
    memory_ = std::move(memory);
    logits_ = logits;
  }

  /// A number in [0,1) for each sequence; they must stay until `draw`.
  void stage(std::span<double const> uniform) { uniform_ = uniform; }

  /// A token for each number, from the tokens [begin, begin + n) of the classifier.
  template <class Classifier>
  void draw(Classifier const& classifier, Index begin) {
    for (std::size_t n = 0; n < uniform_.size(); ++n) {
      // One by one, so that a sequence has the same bits alone and in any company.
      classifier_logits<Backend>(backend_, classifier, begin + static_cast<Index>(n), logits_);
      auto const logits = host_logits_.of(backend_, View<Backend, Element const, 2>(logits_));
      tokens_[n] = sampler_.choose(logits.span(), uniform_[n]);
    }
  }
  [[nodiscard]] std::span<TokenId const> read() const {
    return std::span(tokens_).first(uniform_.size());
  }

 private:
  Backend backend_;
  Sampler sampler_;
  Workspace<Backend> memory_;
  View<Backend, Element, 2> logits_;  // (1,V)
  HostOutput<Backend, TypeOf<Backend, Element>> host_logits_;
  std::span<double const> uniform_;
  std::vector<TokenId> tokens_;
};

template <DrawsTokens Backend>
class NextTokens<Backend> {
 public:
  NextTokens(Backend const& backend, Index rows, Index vocabulary, SamplingOptions const& options)
      : backend_(backend), options_(options), host_tokens_(backend, rows) {
    options.check();
    auto [memory, parts] = plan_on(backend, [&](Workspace<Backend>& workspace) {
      return Parts{workspace.template tensor<Element>(rows, vocabulary),
                   workspace.template tensor<TokenId>(rows)};
    });
    memory_ = std::move(memory);
    parts_ = parts;
  }

  void stage(std::span<double const> uniform) {
    uniform_.stage(backend_, {uniform.data(), {static_cast<Index>(uniform.size())}});
  }
  template <class Classifier>
  void draw(Classifier const& classifier, Index begin) {
    auto const uniform = uniform_.copy(backend_);
    auto const logits = parts_.logits.slice(0, uniform.size(0));
    auto const tokens = parts_.tokens.slice(0, uniform.size(0));
    classifier_logits<Backend>(backend_, classifier, begin, logits);
    sample_tokens<Backend>(backend_, logits, uniform, tokens, options_);
    host_tokens_.fetch(backend_, tokens);
  }
  [[nodiscard]] std::span<TokenId const> read() const { return host_tokens_.read(backend_); }

 private:
  struct Parts {
    View<Backend, Element, 2> logits;  // (B,V)
    View<Backend, TokenId, 1> tokens;  // (B)
  };
  Backend backend_;
  SamplingOptions options_;
  Workspace<Backend> memory_;
  Parts parts_;
  StagedInput<Backend, double, 1> uniform_;
  StagedOutput<Backend, TokenId> host_tokens_;
};

}  // namespace detail
ACCRETE_END_NAMESPACE
