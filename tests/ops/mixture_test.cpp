#include <accrete/backend/cpu/mixture.hpp>
#include <accrete/backend/reference/mixture.hpp>

#include <cmath>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(mixture)

namespace {

using namespace accrete_test;

/// The log of 0.25 p + 0.75 q for the softmax p and q of two rows of logits.
auto const evaluate = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                        Values const& in) {
  using T = typename Backend::Element;
  Index const n = size_of(numbers, "N"), v = size_of(numbers, "V");
  Tensor<T, 2> p(in.at("p"), {n, v}), q(in.at("q"), {n, v}), out({n, v});
  Tensor<T, 2> const grad_out(in.at("grad_out"), {n, v});
  Tensor<T, 1> normalizers_p({n}), normalizers_q({n});
  double const a = std::log(0.25), b = std::log(0.75);
  accrete::mixture_forward(backend, p, normalizers_p, out, {.log_weight = a});
  accrete::mixture_forward(backend, q, normalizers_q, out, {.log_weight = b, .accumulate = true});
  accrete::mixture_backward(backend, grad_out, out, normalizers_p, p, a);
  accrete::mixture_backward(backend, grad_out, out, normalizers_q, q, b);
  return Values{{"out", out.doubles()}, {"grad_p", p.doubles()}, {"grad_q", q.doubles()}};
};

Numbers sizes(Index tokens, Index vocabulary) {
  return {{"N", double(tokens)}, {"V", double(vocabulary)}};
}
Values inputs(Index tokens, Index vocabulary) {
  return {{"p", random_values("p", tokens * vocabulary, 1, 3)},
          {"q", random_values("q", tokens * vocabulary, -2, 3)},
          {"grad_out", random_values("grad_out", tokens * vocabulary)}};
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(equals_the_log_of_the_mean_of_softmaxes, Backend, AllBackends) {
  Values const in = inputs(3, 11), got = evaluate(make_backend<Backend>(), sizes(3, 11), in);
  std::vector<double> expected;
  for (std::size_t n = 0; n < 3; ++n) {
    double sum_p = 0, sum_q = 0;
    for (std::size_t v = 0; v < 11; ++v) {
      sum_p += std::exp(in.at("p")[n * 11 + v]);
      sum_q += std::exp(in.at("q")[n * 11 + v]);
    }
    for (std::size_t v = 0; v < 11; ++v)
      expected.push_back(std::log(0.25 * std::exp(in.at("p")[n * 11 + v]) / sum_p +
                                  0.75 * std::exp(in.at("q")[n * 11 + v]) / sum_q));
  }
  BOOST_TEST(all_close(got.at("out"), expected, 8 * epsilon<typename Backend::Element>));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(backward_matches_finite_differences, Backend, DoubleBackends) {
  check_against_differences<Backend>(sizes(4, 7), inputs(4, 7), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (Index const vocabulary : {1, 3, 16, 67, 1031})
    for (Index const tokens : {1, 67})
      check_against_reference<Backend>(sizes(tokens, vocabulary), inputs(tokens, vocabulary),
                                       evaluate, 64);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_no_part_expects_is_unlikely_and_not_impossible, Backend,
                              KernelBackends) {
  Values const in{{"p", {400, 0, 0}}, {"q", {0, 400, 0}}, {"grad_out", {1, 0, 0}}};
  Values const got = evaluate(make_backend<Backend>(), sizes(1, 3), in);
  double const both = std::log(0.25 * std::exp(-400.0) + 0.75 * std::exp(-400.0));
  BOOST_TEST(all_close(got.at("out"), std::vector<double>{std::log(0.25), std::log(0.75), both},
                       8 * epsilon<typename Backend::Element>));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  check_threads<Backend>(sizes(131, 1031), inputs(131, 1031), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(row_alone_equals_row_in_batch, Backend, KernelBackends) {
  check_rows_alone<Backend>(sizes(9, 67), "N", inputs(9, 67), {"p", "q", "grad_out"},
                            {"out", "grad_p", "grad_q"}, evaluate);
}

BOOST_AUTO_TEST_SUITE_END()
