#include <accrete/backend/cpu/cross_entropy.hpp>
#include <accrete/backend/cpu/linear.hpp>
#include <accrete/backend/cpu/token_scaled_linear.hpp>
#include <accrete/backend/reference/cross_entropy.hpp>
#include <accrete/backend/reference/linear.hpp>
#include <accrete/backend/reference/token_scaled_linear.hpp>
#include <accrete/ops/classifier.hpp>

#include <numeric>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(classifier)

namespace {

using namespace accrete_test;
using accrete::TokenId;

/// The operands of one term and its gradients.
template <class Backend>
struct Term {
  using T = typename Backend::Element;
  Tensor<T, 2> hidden, weight, grad_hidden, grad_weight;
  Tensor<T, 1> bias, grad_bias;
  Tensor<T, 1> token_scale, grad_token_scale;
  bool has_token_scales;

  [[nodiscard]] accrete::ClassifierTerm<Backend> operands(double scale, bool with_bias) const {
    accrete::ClassifierTerm<Backend> term{hidden, weight, {}, scale};
    if (with_bias) term.bias = bias;
    if (has_token_scales) term.token_scale = token_scale;
    return term;
  }
  [[nodiscard]] accrete::ClassifierTermGradient<Backend> gradients() {
    accrete::ClassifierTermGradient<Backend> gradient{grad_hidden, grad_weight, grad_bias};
    if (has_token_scales) gradient.token_scale = grad_token_scale;
    return gradient;
  }
};

template <class Backend>
struct Classifier {
  std::vector<Term<Backend>> storage;
  std::vector<accrete::ClassifierTerm<Backend>> terms;
  std::vector<accrete::ClassifierTermGradient<Backend>> gradients;

  Classifier(Values const& in, std::vector<double> const& widths, std::vector<double> const& scales,
             Index tokens, Index vocabulary) {
    using T = typename Backend::Element;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      auto const c = static_cast<Index>(widths[i]);
      std::string const number = "." + std::to_string(i);
      auto const bias = in.find("bias" + number);
      std::vector<double> const none(std::size_t(vocabulary), 0.0);
      auto const token_scale = in.find("token_scale" + number);
      bool const has_token_scales = token_scale != in.end();
      storage.push_back(
          {Tensor<T, 2>(in.at("hidden" + number), {tokens, c}),
           Tensor<T, 2>(in.at("weight" + number), {vocabulary, c}), Tensor<T, 2>({tokens, c}),
           Tensor<T, 2>({vocabulary, c}),
           Tensor<T, 1>(bias == in.end() ? none : bias->second, {vocabulary}),
           Tensor<T, 1>({vocabulary}),
           has_token_scales ? Tensor<T, 1>(token_scale->second, {tokens}) : Tensor<T, 1>({tokens}),
           Tensor<T, 1>({tokens}), has_token_scales});
    }
    for (std::size_t i = 0; i < widths.size(); ++i) {
      terms.push_back(storage[i].operands(scales[i], in.contains("bias." + std::to_string(i))));
      gradients.push_back(storage[i].gradients());
    }
  }

  [[nodiscard]] Values results() const {
    Values results;
    for (std::size_t i = 0; i < storage.size(); ++i) {
      std::string const number = "." + std::to_string(i);
      results["grad_hidden" + number] = storage[i].grad_hidden.doubles();
      results["grad_weight" + number] = storage[i].grad_weight.doubles();
      if (!terms[i].bias.empty()) results["grad_bias" + number] = storage[i].grad_bias.doubles();
      if (storage[i].has_token_scales)
        results["grad_token_scale" + number] = storage[i].grad_token_scale.doubles();
    }
    return results;
  }
};

/// Mean loss and its gradients, in chunks of `chunk` tokens.
template <class Backend>
Values evaluate(Backend const& backend, Values const& in, std::vector<double> const& widths,
                std::vector<double> const& scales, Index vocabulary, double grad_loss,
                Index chunk) {
  using T = typename Backend::Element;
  auto const tokens = static_cast<Index>(in.at("targets").size());
  auto const counted = tokens - std::count(in.at("targets").begin(), in.at("targets").end(), -1.0);
  Tensor<TokenId, 1> const targets(in.at("targets"), {tokens});
  Tensor<T, 1> losses({tokens}), forward_losses({tokens});
  Tensor<T, 2> logits({chunk, vocabulary});
  Classifier<Backend> classifier(in, widths, scales, tokens, vocabulary);
  std::span<accrete::ClassifierTerm<Backend> const> const terms(classifier.terms);
  accrete::classifier_loss_forward<Backend>(backend, terms, targets, forward_losses, logits);
  accrete::classifier_loss_forward_backward<Backend>(backend, terms, classifier.gradients, targets,
                                                     losses, logits,
                                                     grad_loss / static_cast<double>(counted));
  BOOST_TEST(all_close(forward_losses.values(), losses.values(), 4 * epsilon<T>));
  Values results = classifier.results();
  std::vector<double> const each = losses.doubles();
  results["loss"] = {std::accumulate(each.begin(), each.end(), 0.0) / static_cast<double>(counted)};
  return results;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_pytorch_in_chunks_of_any_length, Backend, AllBackends) {
  auto const backend = make_backend<Backend>();
  for (GoldenCase const& golden : golden_cases("classifier")) {
    // One case has logits in the hundreds.
    double const bound = 200 * epsilon<typename Backend::Element>;
    for (Index const chunk : {1, 2, 16})
      check_close(
          golden.name,
          evaluate(backend, golden.values, golden.lists.at("widths"), golden.lists.at("scales"),
                   size_of(golden.numbers, "V"), golden.values.at("grad_loss")[0], chunk),
          golden.values, bound);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(logits_match_pytorch, Backend, AllBackends) {
  using T = typename Backend::Element;
  auto const backend = make_backend<Backend>();
  for (GoldenCase const& golden : golden_cases("classifier")) {
    auto const tokens = static_cast<Index>(golden.values.at("targets").size());
    Index const vocabulary = size_of(golden.numbers, "V");
    Classifier<Backend> const classifier(golden.values, golden.lists.at("widths"),
                                         golden.lists.at("scales"), tokens, vocabulary);
    Tensor<T, 2> logits({tokens, vocabulary});
    accrete::classifier_logits<Backend>(backend, classifier.terms, 0, logits);
    BOOST_TEST(all_close(logits.values(), golden.values.at("logits"), 16 * epsilon<T>));
  }
}

BOOST_AUTO_TEST_CASE(a_classifier_without_terms_is_rejected) {
  Tensor<float, 2> logits({1, 1});
  BOOST_CHECK_EXCEPTION(
      accrete::classifier_logits<accrete::CpuBackend>(accrete::CpuBackend{}, {}, 0, logits),
      accrete::ShapeError, says("a classifier needs at least one term"));
}

BOOST_AUTO_TEST_SUITE_END()
