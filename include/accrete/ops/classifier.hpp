/// The classifier of a language model: what its logits are made of. The loss, the sampler and the
/// gradient take it chunk by chunk of tokens, so that logits (B,T,V) never exist for all tokens at
/// once. Most are a list of terms whose sum is the logits.
#pragma once

#include <algorithm>
#include <concepts>
#include <limits>
#include <span>

#include <accrete/ops/cross_entropy.hpp>
#include <accrete/ops/linear.hpp>
#include <accrete/ops/token_scaled_linear.hpp>

ACCRETE_BEGIN_NAMESPACE

/// One term: logits[n,:] += scale * token_scale[n] * (hidden[n,:] W^T + bias). An ensemble of E
/// experts has E terms of scale 1/E, since the mean of their logits is the sum of the terms; a gate
/// sets the scales of each token.
template <ComputeBackend Backend>
struct ClassifierTerm {
  View<Backend, Element const, 2> hidden;  // (N,C)
  View<Backend, Element const, 2> weight;  // (V,C)
  View<Backend, Element const, 1> bias;    // (V) or empty
  double scale = 1.0;
  View<Backend, Statistic const, 1> token_scale{};  // (N), or empty for 1
};

/// Where the gradients of one term go: grad_hidden is overwritten, the others are added to; empty
/// where not wanted.
template <ComputeBackend Backend>
struct ClassifierTermGradient {
  View<Backend, Element, 2> hidden;           // (N,C)
  View<Backend, Master, 2> weight;            // (V,C)
  View<Backend, Master, 1> bias;              // (V)
  View<Backend, Statistic, 1> token_scale{};  // (N)
};

template <class Backend>
concept HasClassifier = HasLinear<Backend> && HasCrossEntropy<Backend>;

/// A list of terms, in whatever holds them.
template <class C, class Backend>
concept ListsTerms = std::convertible_to < C const&,
        std::span < ClassifierTerm<Backend>
const >> ;

/// A classifier that is no sum of terms: it computes the logits of the tokens [begin, begin + n), for
/// at most `most_tokens()` at once, and from their gradient, where it computed these logits last,
/// those of all that it was made of.
template <class C, class Backend>
concept ComputesLogits = requires(C const& classifier, Backend const& backend, Index begin,
                                  View<Backend, Element, 2> logits,
                                  View<Backend, Element const, 2> grad_logits,
                                  typename C::GradientsType const& gradients) {
  { classifier.most_tokens() } -> std::convertible_to<Index>;
  classifier.logits(backend, begin, logits);
  classifier.backward(backend, gradients, begin, grad_logits);
};

template <class C, class Backend>
concept ClassifierFor = ListsTerms<C, Backend> || ComputesLogits<C, Backend>;

/// How many tokens a classifier takes at once.
template <class Backend, ClassifierFor<Backend> C>
[[nodiscard]] Index most_tokens(C const& classifier) {
  if constexpr (ComputesLogits<C, Backend>)
    return classifier.most_tokens();
  else
    return std::numeric_limits<Index>::max();
}

/// logits[n,:] = sum over terms of scale * token_scale[n] * (hidden[n,:] W^T + bias), for the tokens
/// [begin, begin + logits.size(0)).
template <HasLinear Backend>
void classifier_logits(Backend const& backend, std::span<ClassifierTerm<Backend> const> terms,
                       Index begin, View<Backend, Element, 2> logits) {  // (n,V)
  if (terms.empty()) throw ShapeError("classifier_logits: a classifier needs at least one term");
  Index const end = begin + logits.size(0);
  bool first = true;
  for (auto const& term : terms) {
    LinearOptions const options{.scale = term.scale, .accumulate = !first};
    first = false;
    auto const hidden = term.hidden.slice(begin, end);
    if (term.token_scale.empty()) {
      linear_forward(backend, hidden, term.weight, term.bias, logits, options);
    } else {
      if constexpr (HasTokenScaledLinear<Backend>)
        token_scaled_linear_forward(backend, hidden, term.token_scale.slice(begin, end),
                                    term.weight, term.bias, logits, options);
      else
        throw ShapeError("classifier_logits: the backend has no maps with a scale per token");
    }
  }
}

/// The same for a classifier of another kind.
template <class Backend, ComputesLogits<Backend> C>
void classifier_logits(Backend const& backend, C const& classifier, Index begin,
                       View<Backend, Element, 2> logits) {  // (n,V)
  for (Index done = 0; done < logits.size(0);) {
    Index const count = std::min(classifier.most_tokens(), logits.size(0) - done);
    classifier.logits(backend, begin + done, logits.slice(done, done + count));
    done += count;
  }
}

namespace detail {
template <class View>
[[nodiscard]] View rows_of(View view, Index begin, Index end) {
  return view.empty() ? View() : view.slice(begin, end);
}
}  // namespace detail

/// From the gradient of the logits of the tokens [begin, begin + n) to those of the terms.
template <HasLinear Backend>
void classifier_backward(Backend const& backend, std::span<ClassifierTerm<Backend> const> terms,
                         std::span<ClassifierTermGradient<Backend> const> gradients,  // one a term
                         Index begin, View<Backend, Element const, 2> grad_logits) {  // (n,V)
  if (terms.size() != gradients.size())
    throw ShapeError(message("classifier_backward: ", terms.size(), " terms but ", gradients.size(),
                             " gradients"));
  Index const end = begin + grad_logits.size(0);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    auto const& term = terms[i];
    auto const& gradient = gradients[i];
    auto const hidden = term.hidden.slice(begin, end);
    auto const grad_hidden = detail::rows_of(gradient.hidden, begin, end);
    if (term.token_scale.empty()) {
      linear_backward(backend, grad_logits, hidden, term.weight, grad_hidden, gradient.weight,
                      gradient.bias, {.scale = term.scale});
    } else {
      if constexpr (HasTokenScaledLinear<Backend>)
        token_scaled_linear_backward(backend, grad_logits, hidden,
                                     term.token_scale.slice(begin, end), term.weight, term.bias,
                                     grad_hidden, detail::rows_of(gradient.token_scale, begin, end),
                                     gradient.weight, gradient.bias, term.scale);
    }
  }
}

/// The same for a classifier of another kind, whose logits of these tokens were computed last.
template <class Backend, ComputesLogits<Backend> C>
void classifier_backward(Backend const& backend, C const& classifier,
                         typename C::GradientsType const& gradients, Index begin,
                         View<Backend, Element const, 2> grad_logits) {  // (n,V)
  classifier.backward(backend, gradients, begin, grad_logits);
}

namespace detail {
/// Calls f(begin, end, logits of these tokens) for chunks that cover [0, tokens).
template <class Backend, class Classifier, class F>
void for_each_chunk(Classifier const& classifier, Index tokens, View<Backend, Element, 2> logits,
                    F&& f) {
  Index const chunk = std::min(logits.size(0), most_tokens<Backend>(classifier));
  for (Index begin = 0; begin < tokens; begin += chunk) {
    Index const end = std::min(begin + chunk, tokens);
    f(begin, end, logits.slice(0, end - begin));
  }
}
}  // namespace detail

/// losses[n] of every token, in nats (see cross_entropy_forward). `logits` is scratch for one
/// chunk.
template <HasClassifier Backend, ClassifierFor<Backend> Classifier>
void classifier_loss_forward(Backend const& backend, Classifier const& classifier,
                             View<Backend, TokenId const, 1> targets,  // (N)
                             View<Backend, Statistic, 1> losses,       // (N)
                             View<Backend, Element, 2> logits) {       // (chunk,V)
  detail::for_each_chunk<Backend>(
      classifier, targets.size(0), logits, [&](Index begin, Index end, auto chunk) {
        classifier_logits<Backend>(backend, classifier, begin, chunk);
        cross_entropy_forward(backend, View<Backend, Element const, 2>(chunk),
                              targets.slice(begin, end), losses.slice(begin, end));
      });
}

/// The losses, and the gradient of loss_scale * sum_n losses[n] with respect to each term's hidden
/// states and parameters; one pass over the chunks.
template <HasClassifier Backend, ClassifierFor<Backend> Classifier, class Gradients>
void classifier_loss_forward_backward(Backend const& backend, Classifier const& classifier,
                                      Gradients const& gradients,  // for a list: one per term
                                      View<Backend, TokenId const, 1> targets,  // (N)
                                      View<Backend, Statistic, 1> losses,       // (N)
                                      View<Backend, Element, 2> logits,         // (chunk,V)
                                      double loss_scale) {
  detail::for_each_chunk<Backend>(
      classifier, targets.size(0), logits, [&](Index begin, Index end, auto chunk) {
        classifier_logits<Backend>(backend, classifier, begin, chunk);
        cross_entropy_forward_backward(backend, chunk, targets.slice(begin, end),
                                       losses.slice(begin, end), loss_scale);
        classifier_backward<Backend>(backend, classifier, gradients, begin,
                                     View<Backend, Element const, 2>(chunk));
      });
}

ACCRETE_END_NAMESPACE
