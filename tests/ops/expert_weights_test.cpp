#include <accrete/backend/cpu/expert_weights.hpp>
#include <accrete/backend/reference/expert_weights.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(expert_weights)

namespace {

using namespace accrete_test;

auto const evaluate = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                        Values const& in) {
  using T = typename Backend::Element;
  Index const n = size_of(numbers, "N"), e = size_of(numbers, "E");
  Tensor<T, 2> const scores(in.at("scores"), {n, e}), grad_out(in.at("grad_out"), {e, n});
  Tensor<T, 2> out({e, n}), grad_scores({n, e});
  accrete::expert_weights_forward(backend, scores, out);
  accrete::expert_weights_backward(backend, grad_out, out, grad_scores);
  return Values{{"out", out.doubles()}, {"grad_scores", grad_scores.doubles()}};
};

Numbers sizes(Index tokens, Index experts) {
  return {{"N", double(tokens)}, {"E", double(experts)}};
}
Values inputs(Index tokens, Index experts) {
  return {{"scores", random_values("scores", tokens * experts, 0, 3)},
          {"grad_out", random_values("grad_out", tokens * experts)}};
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(backward_matches_finite_differences, Backend, DoubleBackends) {
  check_against_differences<Backend>(sizes(5, 3), inputs(5, 3), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (Index const experts : {1, 2, 5})
    check_against_reference<Backend>(sizes(67, experts), inputs(67, experts), evaluate, 8);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  check_threads<Backend>(sizes(9000, 3), inputs(9000, 3), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(weights_of_a_token_sum_to_one_and_great_scores_do_not_overflow,
                              Backend, AllBackends) {
  Values const got = evaluate(make_backend<Backend>(), sizes(2, 2),
                              {{"scores", {1e4, -1e4, 0, 0}}, {"grad_out", {1, 0, 0, 0}}});
  BOOST_TEST(got.at("out") == (std::vector<double>{1, 0.5, 0, 0.5}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
