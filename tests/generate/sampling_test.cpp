#include <boost/test/unit_test.hpp>

#include <limits>
#include <numeric>
#include <set>

#include <accrete/core/random.hpp>
#include <accrete/generate/sampling.hpp>

#include "support/all_close.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(sampling)

namespace {

/// Logits whose softmax is 0.4, 0.3, 0.2, 0.1, not in order.
std::vector<double> const logits{std::log(0.2), std::log(0.4), std::log(0.1), std::log(0.3)};

TokenId choose(SamplingOptions const& options, double uniform,
               std::vector<double> const& from = logits) {
  return Sampler(options).choose(std::span<double const>(from), uniform);
}

/// The tokens that any draw can give.
std::set<TokenId> reachable(SamplingOptions const& options,
                            std::vector<double> const& from = logits) {
  std::set<TokenId> tokens;
  for (int i = 0; i < 1000; ++i) tokens.insert(choose(options, i / 1000.0, from));
  return tokens;
}

/// How often each token comes up among evenly spaced draws.
std::vector<double> shares(SamplingOptions const& options,
                           std::vector<double> const& from = logits) {
  constexpr int draws = 100'000;
  std::vector<double> shares(from.size());
  Sampler sampler(options);
  for (int i = 0; i < draws; ++i)
    shares[static_cast<std::size_t>(
        sampler.choose(std::span<double const>(from), (i + 0.5) / draws))] += 1.0 / draws;
  return shares;
}

}  // namespace

BOOST_AUTO_TEST_CASE(greedy_takes_the_likeliest_and_of_equals_the_lowest_id) {
  for (double const uniform : {0.0, 0.5, 0.999}) {
    BOOST_TEST(choose({.temperature = 0}, uniform) == 1);
    BOOST_TEST(choose({.temperature = 0}, uniform, {1, 3, 2, 3}) == 1);
    BOOST_TEST(choose({.temperature = 0}, uniform, {5, 5, 5, 5}) == 0);
  }
}

BOOST_AUTO_TEST_CASE(shares_are_the_softmax) {
  BOOST_TEST(all_close(shares({}), std::vector<double>{0.2, 0.4, 0.1, 0.3}, 0, 2e-5));
}

BOOST_AUTO_TEST_CASE(random_draws_have_the_distribution_within_chance) {
  RandomStream const stream(3, 9);
  constexpr int draws = 40'000;
  Sampler sampler(SamplingOptions{});
  std::vector<double> found(4);
  for (std::uint64_t i = 0; i < draws; ++i)
    found[static_cast<std::size_t>(
        sampler.choose(std::span<double const>(logits), stream.uniform(i)))] += 1;
  std::vector<double> const expected{0.2 * draws, 0.4 * draws, 0.1 * draws, 0.3 * draws};
  double chi_squared = 0;
  for (std::size_t v = 0; v < 4; ++v)
    chi_squared += std::pow(found[v] - expected[v], 2) / expected[v];
  BOOST_TEST(chi_squared < 16.3);  // three degrees of freedom: one seed in a thousand is above
}

BOOST_AUTO_TEST_CASE(temperature_divides_the_logits) {
  for (double const temperature : {0.5, 2.0}) {
    std::vector<double> expected;
    for (double const logit : logits) expected.push_back(std::exp(logit / temperature));
    double const total = std::accumulate(expected.begin(), expected.end(), 0.0);
    for (double& share : expected) share /= total;
    BOOST_TEST(all_close(shares({.temperature = temperature}), expected, 0, 2e-5));
  }
  BOOST_TEST(shares({.temperature = 1e-3})[1] > 0.9999);
}

BOOST_AUTO_TEST_CASE(top_k_keeps_the_k_likeliest_with_their_proportions) {
  BOOST_TEST((reachable({.top_k = 1}) == std::set<TokenId>{1}));
  BOOST_TEST(all_close(shares({.top_k = 2}), std::vector<double>{0, 4.0 / 7, 0, 3.0 / 7}, 0, 2e-5));
  BOOST_TEST((reachable({.top_k = 3}) == std::set<TokenId>{0, 1, 3}));
  for (Index const all : {0, 4, 99}) BOOST_TEST(reachable({.top_k = all}).size() == 4U);
  BOOST_TEST(
      (reachable({.top_k = 2}, {1, 1, 1, 1}) == std::set<TokenId>{0, 1}));  // ties: the lower ids
}

BOOST_AUTO_TEST_CASE(top_p_keeps_the_likeliest_until_their_mass_reaches_p) {
  BOOST_TEST((reachable({.top_p = 1e-9}) == std::set<TokenId>{1}));
  BOOST_TEST((reachable({.top_p = 0.39}) == std::set<TokenId>{1}));
  BOOST_TEST((reachable({.top_p = 0.41}) == std::set<TokenId>{1, 3}));
  BOOST_TEST((reachable({.top_p = 0.71}) == std::set<TokenId>{0, 1, 3}));
  BOOST_TEST((reachable({.top_p = 0.91}) == std::set<TokenId>{0, 1, 2, 3}));
  BOOST_TEST(
      all_close(shares({.top_p = 0.6}), std::vector<double>{0, 4.0 / 7, 0, 3.0 / 7}, 0, 2e-5));
}

BOOST_AUTO_TEST_CASE(top_p_counts_the_mass_that_top_k_has_left) {
  // Of 0.4, 0.3, 0.2 the first has a share of 0.44.
  BOOST_TEST((reachable({.top_k = 3, .top_p = 0.43}) == std::set<TokenId>{1}));
  BOOST_TEST((reachable({.top_k = 3, .top_p = 0.46}) == std::set<TokenId>{1, 3}));
  BOOST_TEST((reachable({.top_k = 2, .top_p = 0.9}) == std::set<TokenId>{1, 3}));
}

BOOST_AUTO_TEST_CASE(huge_and_impossible_logits_are_no_trouble) {
  double const infinity = std::numeric_limits<double>::infinity();
  BOOST_TEST((reachable({}, {1e300, 0, -1e300}) == std::set<TokenId>{0}));
  BOOST_TEST((reachable({}, {-infinity, 1, -infinity}) == std::set<TokenId>{1}));
  BOOST_TEST((reachable({.top_p = 0.9}, {-infinity, 1, 1}) == std::set<TokenId>{1, 2}));
}

BOOST_AUTO_TEST_CASE(one_sampler_serves_rows_of_any_length) {
  Sampler sampler({.top_k = 2});
  std::vector<double> const first{0, 1, 2, 3}, second{5, 1};
  BOOST_TEST(sampler.choose(std::span<double const>(first), 0.0) >= 2);
  BOOST_TEST(sampler.choose(std::span<double const>(second), 0.0) == 0);
}

BOOST_AUTO_TEST_CASE(settings_that_cannot_be_meant_are_refused) {
  double const nan = std::numeric_limits<double>::quiet_NaN(),
               infinity = std::numeric_limits<double>::infinity();
  for (double const temperature : {-1.0, nan, infinity})
    BOOST_CHECK_EXCEPTION(Sampler({.temperature = temperature}), ValueError,
                          says("sampling: temperature must be 0 or more"));
  BOOST_CHECK_EXCEPTION(Sampler({.top_k = -1}), ValueError,
                        says("sampling: top_k must be 0 or more, got -1"));
  for (double const top_p : {0.0, -0.5, 1.5, nan})
    BOOST_CHECK_EXCEPTION(Sampler({.top_p = top_p}), ValueError,
                          says("sampling: top_p must be in (0, 1], got"));
}

BOOST_AUTO_TEST_SUITE_END()
