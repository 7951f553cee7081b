#include <boost/test/unit_test.hpp>

#include <accrete/train/fit_weights.hpp>

#include "support/all_close.hpp"
#include "support/fusions.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(fit_weights)

namespace {

template <class Model = DoubleModel>
auto weighted(std::vector<double> const& weights = {}) {
  return Ensemble{WeightedMean{weights}, grown_expert<Model>({1}, narrow_block, 1),
                  grown_expert<Model>({1, 1}, wide_block, 2)};
}

/// Text that the first expert of `weighted` wrote, so that there is something to prefer.
std::vector<TokenId> text() {
  auto const expert = grown_expert<DoubleModel>({1}, narrow_block, 1);
  std::vector<std::vector<TokenId>> prompts(20, {1});
  auto const made = generate_tokens(expert, prompts, {.max_tokens = 15, .stop_at_end = false});
  std::vector<TokenId> tokens;
  for (auto const& part : made) tokens.insert(tokens.end(), part.begin(), part.end());
  return tokens;
}

WeightFitOptions const windows{.scoring = {.batch = 3, .time = 15}};

template <class Model>
double loss_with(Model& model, std::vector<double> const& weights,
                 std::vector<TokenId> const& tokens) {
  model.fusion().set_weights(weights);
  return score_tokens(model, tokens, 1, windows.scoring).mean();
}

}  // namespace

BOOST_AUTO_TEST_CASE(derivatives_match_finite_differences) {
  auto const model = weighted();
  auto const tokens = text();
  accrete::detail::WeightedLossOfText<std::remove_cvref_t<decltype(model)>> loss_of(
      model, tokens, 1, windows.scoring);
  std::vector<double> weights{0.8, -0.3};
  auto const at = loss_of(weights);
  BOOST_TEST(at.tokens == 300);
  auto const expected =
      finite_differences(std::span(weights), [&] { return loss_of(weights).value; });
  BOOST_TEST(all_close(at.gradient, expected, 1e-9));
  for (std::size_t e = 0; e < 2; ++e) {
    auto const row =
        finite_differences(std::span(weights), [&] { return loss_of(weights).gradient[e]; });
    BOOST_TEST(all_close(std::vector<double>{at.hessian[2 * e], at.hessian[2 * e + 1]}, row, 1e-9));
  }
}

BOOST_AUTO_TEST_CASE(finds_the_minimum_whatever_it_starts_from) {
  auto const tokens = text();
  auto model = weighted();
  WeightFit const fit = accrete::fit_weights(model, tokens, 1, windows);
  BOOST_TEST(fit.tokens == 300);
  BOOST_TEST(fit.above_minimum <= 1e-9);
  BOOST_TEST(fit.loss < fit.start_loss);
  BOOST_TEST(fit.passes < 20);
  BOOST_TEST(std::abs(loss_with(model, {0.5, 0.5}, tokens) - fit.start_loss) < 1e-12);
  BOOST_TEST(std::abs(loss_with(model, fit.weights, tokens) - fit.loss) < 1e-12);
  // No neighbour is better, near or far.
  for (double const distance : {1e-4, 1e-2, 1.0})
    for (auto const& [a, b] : {std::pair{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 1}, {-1, 1}}) {
      double const loss =
          loss_with(model, {fit.weights[0] + distance * a, fit.weights[1] + distance * b}, tokens);
      BOOST_TEST(loss > fit.loss - 1e-9);
    }
  for (std::vector<double> const& start : {std::vector<double>{3, 2}, {-1, 0.5}, {0.01, 0.02}}) {
    auto other = weighted(start);
    WeightFit const again = accrete::fit_weights(other, tokens, 1, windows);
    BOOST_TEST(std::abs(again.loss - fit.loss) < 1e-6);
    BOOST_TEST(all_close(again.weights, fit.weights, 1e-3));
    BOOST_TEST(same_bits(other.fusion().weights(), again.weights));
  }
}

BOOST_AUTO_TEST_CASE(floats_find_the_same_minimum_with_the_same_bits_for_any_thread_count) {
  auto const tokens = text();
  auto exact = weighted();
  double const best = accrete::fit_weights(exact, tokens, 1, windows).loss;
  std::vector<double> expected;
  for (int const threads : {1, 2, 3, 8}) {
    Ensemble model{WeightedMean{}, grown_expert<CpuModel>({1}, narrow_block, 1, Cpu(threads)),
                   grown_expert<CpuModel>({1, 1}, wide_block, 2, Cpu(threads))};
    WeightFit const fit = accrete::fit_weights(model, tokens, 1, windows);
    BOOST_TEST(std::abs(fit.loss - best) < 1e-5);
    if (threads == 1) expected = fit.weights;
    BOOST_TEST(same_bits(fit.weights, expected));
  }
}

BOOST_AUTO_TEST_CASE(experts_that_say_the_same_share_the_weight) {
  Ensemble model{WeightedMean{}, grown_expert<DoubleModel>({1}, narrow_block, 1),
                 grown_expert<DoubleModel>({1}, narrow_block, 1)};
  WeightFit const fit = accrete::fit_weights(model, text(), 1, windows);
  BOOST_TEST(fit.above_minimum <= 1e-9);
  BOOST_TEST(std::abs(fit.weights[0] - fit.weights[1]) < 1e-6);
  BOOST_TEST(std::abs(fit.weights[0] + fit.weights[1] - 1) < 0.3, "its own text, so about as sure");
}

BOOST_AUTO_TEST_CASE(works_over_lists_and_over_experts_of_any_fusion) {
  using Inner = Ensemble<MeanOfProbabilities, DoubleModel, DoubleModel>;
  auto const tokens = text();
  std::vector<Inner> inner;
  inner.emplace_back(MeanOfProbabilities{}, grown_expert<DoubleModel>({1}, narrow_block, 1),
                     grown_expert<DoubleModel>({1}, narrow_block, 3));
  inner.emplace_back(MeanOfProbabilities{}, grown_expert<DoubleModel>({1}, narrow_block, 4),
                     grown_expert<DoubleModel>({1}, narrow_block, 5));
  ExpertList model{std::move(inner), WeightedMean{}};
  WeightFit const fit = accrete::fit_weights(model, tokens, 1, windows);
  BOOST_TEST(std::abs(loss_with(model, fit.weights, tokens) - fit.loss) < 1e-12);
}

BOOST_AUTO_TEST_CASE(what_has_no_minimum_is_refused_and_changes_nothing) {
  auto model = weighted();
  BOOST_CHECK_EXCEPTION(accrete::fit_weights(model, {}, 1), ValueError,
                        says("the text has no tokens"));
  // One token that the first expert likes best: the surer the better.
  std::vector<TokenId> const one{
      generate_tokens(grown_expert<DoubleModel>({1}, narrow_block, 1), {{1}},
                      {.max_tokens = 1, .sampling = {.temperature = 0}, .stop_at_end = false})[0]};
  BOOST_CHECK_EXCEPTION(accrete::fit_weights(model, one, 1, {.tolerance = 0, .most_passes = 12}),
                        NumericError, says("above its minimum after 12 passes"));
  BOOST_TEST(model.fusion().weights()[0] == 0.5);
  model.expert<0>().head_segment().values()(0) = std::numeric_limits<double>::quiet_NaN();
  BOOST_CHECK_THROW(accrete::fit_weights(model, text(), 1), NumericError);
  BOOST_TEST(model.fusion().weights()[0] == 0.5);
}

BOOST_AUTO_TEST_SUITE_END()
