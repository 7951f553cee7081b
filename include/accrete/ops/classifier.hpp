/// The classifier of a language model: a list of terms whose sum is the logits. The loss, the
/// sampler and the gradient take that list, chunk by chunk of tokens, so that logits (B,T,V) never
/// exist for all tokens at once.
#pragma once

#include <algorithm>
#include <span>

#include <accrete/ops/cross_entropy.hpp>
#include <accrete/ops/linear.hpp>

ACCRETE_BEGIN_NAMESPACE

/// One term: logits += scale * (hidden W^T + bias). An ensemble of E experts has E terms of scale
/// 1/E, since the mean of their logits is the sum of the terms.
template <ComputeBackend Backend>
struct ClassifierTerm {
  View<Backend, Element const, 2> hidden;  // (N,C)
  View<Backend, Element const, 2> weight;  // (V,C)
  View<Backend, Element const, 1> bias;    // (V) or empty
  double scale = 1.0;
};

/// Where the gradients of one term go: grad_hidden is overwritten, the others are added to; empty
/// where not wanted.
template <ComputeBackend Backend>
struct ClassifierTermGradient {
  View<Backend, Element, 2> hidden;  // (N,C)
  View<Backend, Master, 2> weight;   // (V,C)
  View<Backend, Master, 1> bias;     // (V)
};

template <class Backend>
concept HasClassifier = HasLinear<Backend> && HasCrossEntropy<Backend>;

/// logits[n,:] = sum over terms of scale * (hidden[n,:] W^T + bias), for the tokens [begin, begin +
/// logits.size(0)).
template <HasLinear Backend>
void classifier_logits(Backend const& backend, std::span<ClassifierTerm<Backend> const> terms,
                       Index begin, View<Backend, Element, 2> logits) {  // (n,V)
  if (terms.empty()) throw ShapeError("classifier_logits: a classifier needs at least one term");
  bool first = true;
  for (auto const& term : terms) {
    linear_forward(backend, term.hidden.slice(begin, begin + logits.size(0)), term.weight,
                   term.bias, logits, {.scale = term.scale, .accumulate = !first});
    first = false;
  }
}

/// losses[n] of every token, in nats (see cross_entropy_forward). `logits` is scratch for one
/// chunk.
template <HasClassifier Backend>
void classifier_loss_forward(Backend const& backend, std::span<ClassifierTerm<Backend> const> terms,
                             View<Backend, TokenId const, 1> targets,  // (N)
                             View<Backend, Statistic, 1> losses,       // (N)
                             View<Backend, Element, 2> logits) {       // (chunk,V)
  Index const tokens = targets.size(0);
  for (Index begin = 0; begin < tokens; begin += logits.size(0)) {
    Index const end = std::min(begin + logits.size(0), tokens);
    auto const chunk = logits.slice(0, end - begin);
    classifier_logits(backend, terms, begin, chunk);
    cross_entropy_forward(backend, View<Backend, Element const, 2>(chunk),
                          targets.slice(begin, end), losses.slice(begin, end));
  }
}

/// The losses, and the gradient of loss_scale * sum_n losses[n] with respect to each term's hidden
/// states and parameters; one pass over the chunks.
template <HasClassifier Backend>
void classifier_loss_forward_backward(
    Backend const& backend, std::span<ClassifierTerm<Backend> const> terms,
    std::span<ClassifierTermGradient<Backend> const> gradients,  // one per term
    View<Backend, TokenId const, 1> targets,                     // (N)
    View<Backend, Statistic, 1> losses,                          // (N)
    View<Backend, Element, 2> logits,                            // (chunk,V)
    double loss_scale) {
  if (terms.size() != gradients.size())
    throw ShapeError(message("classifier_loss_forward_backward: ", terms.size(), " terms but ",
                             gradients.size(), " gradients"));
  Index const tokens = targets.size(0);
  for (Index begin = 0; begin < tokens; begin += logits.size(0)) {
    Index const end = std::min(begin + logits.size(0), tokens);
    auto const chunk = logits.slice(0, end - begin);
    classifier_logits(backend, terms, begin, chunk);
    cross_entropy_forward_backward(backend, chunk, targets.slice(begin, end),
                                   losses.slice(begin, end), loss_scale);
    for (std::size_t e = 0; e < terms.size(); ++e) {
      auto const& gradient = gradients[e];
      linear_backward(backend, View<Backend, Element const, 2>(chunk),
                      terms[e].hidden.slice(begin, end), terms[e].weight,
                      gradient.hidden.slice(begin, end), gradient.weight, gradient.bias,
                      {.scale = terms[e].scale});
    }
  }
}

ACCRETE_END_NAMESPACE
