#include <accrete/backend/cpu/cross_entropy.hpp>
#include <accrete/backend/reference/cross_entropy.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(cross_entropy)

namespace {

using namespace accrete_test;

/// `out` are the losses; grad_out must be the same number for all.
auto const evaluate = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                        Values const& in) {
  using T = typename Backend::Element;
  Index const n = size_of(numbers, "N");
  Index const v = size_of(numbers, "V");
  Tensor<accrete::TokenId, 1> const targets(in.at("targets"), {n});
  Tensor<T, 2> logits(in.at("logits"), {n, v});
  Tensor<T, 1> losses({n}), again({n});
  accrete::cross_entropy_forward(backend, logits, targets, losses);
  accrete::cross_entropy_forward_backward(backend, logits, targets, again, in.at("grad_out")[0]);
  BOOST_TEST(all_close(again.values(), losses.values(), 4 * epsilon<T>));
  return Values{{"out", losses.doubles()}, {"grad_logits", logits.doubles()}};
};

Numbers sizes(Index tokens, Index vocabulary) {
  return {{"N", double(tokens)}, {"V", double(vocabulary)}};
}

Values inputs(Index tokens, Index vocabulary) {
  Values in{{"logits", random_values("logits", tokens * vocabulary, 0, 3)},
            {"targets", random_ids("targets", tokens, vocabulary)},
            {"grad_out", std::vector<double>(std::size_t(tokens), 0.375)}};
  if (tokens > 3) in.at("targets")[2] = accrete::ignored_target;
  return in;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(backward_matches_finite_differences, Backend, DoubleBackends) {
  check_against_differences<Backend>(sizes(5, 7), inputs(5, 7), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (Index const vocabulary : {1, 3, 16, 67, 1031})
    for (Index const tokens : {1, 67})
      check_against_reference<Backend>(sizes(tokens, vocabulary), inputs(tokens, vocabulary),
                                       evaluate, 8);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(great_logits_do_not_overflow, Backend, KernelBackends) {
  Values const in{
      {"logits", {1e4, -1e4, 3, -1e4, 1e4, 9999}}, {"targets", {0, 0}}, {"grad_out", {1, 1}}};
  double const softmax_of_9999 = 1 / (1 + std::exp(1.0));
  Values const expected{{"out", {0, 2e4 - std::log1p(-softmax_of_9999)}},
                        {"grad_logits", {0, 0, 0, -1, 1 - softmax_of_9999, softmax_of_9999}}};
  check_close("great logits", evaluate(make_backend<Backend>(), sizes(2, 3), in), expected,
              2 * epsilon<typename Backend::Element>);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_nan_makes_the_loss_of_its_token_nan, Backend, KernelBackends) {
  for (std::size_t const place : {0u, 40u, 66u}) {
    Values in = inputs(3, 67);
    in.at("logits")[67 + place] = std::nan("");
    Values const results = evaluate(make_backend<Backend>(), sizes(3, 67), in);
    for (std::size_t n = 0; n < 3; ++n)
      BOOST_TEST(std::isnan(results.at("out")[n]) == (n == 1), "place " << place);
    for (std::size_t i = 0; i < 3 * 67; ++i)
      BOOST_TEST(std::isnan(results.at("grad_logits")[i]) == (i / 67 == 1));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_ignored_target_has_no_loss_and_no_gradient, Backend, AllBackends) {
  Values in = inputs(2, 5);
  in.at("targets") = {accrete::ignored_target, 1};
  in.at("logits")[3] = std::numeric_limits<double>::infinity();
  Values const results = evaluate(make_backend<Backend>(), sizes(2, 5), in);
  BOOST_TEST(results.at("out")[0] == 0);
  for (std::size_t v = 0; v < 5; ++v) BOOST_TEST(results.at("grad_logits")[v] == 0);
  BOOST_TEST(results.at("out")[1] > 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  check_threads<Backend>(sizes(131, 1031), inputs(131, 1031), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(row_alone_equals_row_in_batch, Backend, KernelBackends) {
  check_rows_alone<Backend>(sizes(9, 67), "N", inputs(9, 67), {"logits", "targets", "grad_out"},
                            {"out", "grad_logits"}, evaluate);
}

BOOST_AUTO_TEST_CASE(targets_of_wrong_length_are_rejected) {
  Tensor<float, 2> logits({4, 3});
  Tensor<accrete::TokenId, 1> targets({3});
  Tensor<float, 1> losses({4});
  BOOST_CHECK_EXCEPTION(
      accrete::cross_entropy_forward(accrete::CpuBackend{}, logits, targets, losses),
      accrete::ShapeError, says("cross_entropy_forward: axis 0 of targets: expected 4, got 3"));
}

BOOST_AUTO_TEST_SUITE_END()
