#include <boost/test/unit_test.hpp>

#include <numeric>

#include "support/all_close.hpp"
#include "support/models.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(perplexity_of_text)

namespace {

constexpr Index vocabulary = 23;
constexpr TokenId first = 1;  // <s>

GrowingModel<Double> small_model() {
  GrowingModel<Double> model{
      Double{},
      random_substrate(vocabulary, 8),
      {.planned_depth = 1, .block = {.model_dim = 16, .head_count = 2, .hidden_dim = 16}}};
  model.body().grow(1);
  model.for_each_segment([](std::string const&, auto& segment) {
    for (double& value : segment.values().span()) value *= 10;  // predictions far from even
  });
  return model;
}

/// -log softmax(logits)[target]
double loss_of(std::span<double const> logits, TokenId target) {
  double sum = 0;
  for (double const logit : logits) sum += std::exp(logit);
  return std::log(sum) - logits[static_cast<std::size_t>(target)];
}

}  // namespace

BOOST_AUTO_TEST_CASE(windows_cover_every_token_once_and_start_afresh) {
  for (Index const count : {1, 4, 5, 11, 12, 13, 24, 25}) {
    std::vector<TokenId> tokens(static_cast<std::size_t>(count));
    std::iota(tokens.begin(), tokens.end(), 100);
    std::vector<TokenId> targets_seen;
    for_each_window(
        tokens, first, {.batch = 3, .time = 4},
        [&](std::span<TokenId const> inputs, std::span<TokenId const> targets, Index windows) {
          BOOST_TEST(windows <= 3);
          BOOST_TEST(inputs.size() == static_cast<std::size_t>(4 * windows));
          BOOST_TEST(targets.size() == inputs.size());
          for (std::size_t i = 0; i < targets.size(); ++i) {
            if (targets[i] == ignored_target) continue;
            BOOST_TEST(inputs[i] == (i % 4 == 0 ? first : targets[i] - 1));
            targets_seen.push_back(targets[i]);
          }
        });
    BOOST_TEST(targets_seen == tokens, boost::test_tools::per_element());
  }
  for_each_window(std::vector<TokenId>{}, first, {},
                  [](auto...) { BOOST_ERROR("no tokens have no windows"); });
}

BOOST_AUTO_TEST_CASE(score_is_the_sum_over_windows_computed_from_logits) {
  auto const model = small_model();
  auto const tokens = random_tokens(13, vocabulary, 4);
  double expected = 0;
  for (std::size_t begin = 0; begin < tokens.size(); begin += 5) {
    std::size_t const end = std::min(begin + 5, tokens.size());
    std::vector<TokenId> inputs{first};
    inputs.insert(inputs.end(), tokens.begin() + static_cast<std::ptrdiff_t>(begin),
                  tokens.begin() + static_cast<std::ptrdiff_t>(end - 1));
    auto const logits = logits_of(model, inputs, 1);
    for (std::size_t i = begin; i < end; ++i)
      expected +=
          loss_of(std::span(logits).subspan((i - begin) * vocabulary, vocabulary), tokens[i]);
  }
  for (Index const batch : {1, 2, 8}) {
    LossSum const score = score_tokens(model, tokens, first, {.batch = batch, .time = 5});
    BOOST_TEST(score.tokens == 13);
    BOOST_TEST(std::abs(score.sum - expected) < 1e-11);
    BOOST_TEST(std::abs(perplexity(score) / std::exp(expected / 13) - 1) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(no_tokens_score_zero) {
  LossSum const score = score_tokens(small_model(), {}, first);
  BOOST_TEST(score.tokens == 0);
  BOOST_TEST(score.sum == 0);
  BOOST_TEST(perplexity(score) == 1);
}

BOOST_AUTO_TEST_CASE(bits_per_character_are_total_bits_over_code_points) {
  // Ten tokens of 3 bits each for a text of 12 code points.
  LossSum const loss{.sum = 10 * 3 * std::log(2.0), .tokens = 10};
  BOOST_TEST(std::abs(bits_per_character(loss, 12) - 2.5) < 1e-14);
  BOOST_TEST(bits_per_character({}, 0) == 0);
  BOOST_TEST(std::abs(perplexity(loss) - 8) < 1e-13);
}

BOOST_AUTO_TEST_CASE(sizes_and_tokens_that_cannot_be_are_named) {
  auto const model = small_model();
  auto const tokens = random_tokens(4, vocabulary);
  BOOST_CHECK_EXCEPTION(static_cast<void>(score_tokens(model, tokens, first, {.batch = 0})), Error,
                        says("batch and time must be positive"));
  BOOST_CHECK_EXCEPTION(for_each_window(tokens, first, {.time = 0}, [](auto...) {}), ValueError,
                        says("scoring: batch and time must be positive, got 8 and 0"));
  BOOST_CHECK_EXCEPTION(
      static_cast<void>(score_tokens(model, std::vector<TokenId>{1, vocabulary}, first)),
      ValueError, says("target 23 of token 1 is outside of the vocabulary of 23"));
}

BOOST_AUTO_TEST_SUITE_END()
