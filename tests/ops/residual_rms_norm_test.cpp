#include <accrete/backend/cpu/residual_add.hpp>
#include <accrete/backend/cpu/rms_norm.hpp>
#include <accrete/backend/reference/residual_add.hpp>
#include <accrete/backend/reference/rms_norm.hpp>
#include <accrete/ops/residual_rms_norm.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(residual_rms_norm)

namespace {

using namespace accrete_test;

/// The sum and the norm, in one call or in two, forward and backward.
template <class Backend>
Values evaluate(Backend const& backend, Numbers const& numbers, Values const& in, bool in_one) {
  using T = typename Backend::Element;
  Index const n = size_of(numbers, "N"), c = size_of(numbers, "C");
  auto const rows = [&](char const* name) { return Tensor<T, 2>(in.at(name), {n, c}); };
  auto const x = rows("x"), y = rows("y"), grad_out = rows("grad_out"), skipped = rows("skipped");
  Tensor<T, 1> const weight(in.at("weight"), {c});
  Tensor<T, 2> sum = y, out({n, c}), grad_x({n, c});  // the sum in the memory of y
  Tensor<T, 1> rstd({n}), grad_weight({c});
  double const epsilon = numbers.at("epsilon");
  if (in_one) {
    accrete::residual_rms_norm_forward(backend, x, sum, sum, weight, out, rstd, epsilon);
    accrete::residual_rms_norm_backward(backend, grad_out, sum, weight, rstd, skipped, grad_x,
                                        grad_weight);
  } else {
    accrete::residual_add(backend, x, sum, sum);
    accrete::rms_norm_forward(backend, sum, weight, out, rstd, epsilon);
    accrete::rms_norm_backward(backend, grad_out, sum, weight, rstd, grad_x, grad_weight);
    accrete::residual_add(backend, grad_x, skipped, grad_x);
  }
  return Values{{"sum", sum.doubles()},
                {"out", out.doubles()},
                {"rstd", rstd.doubles()},
                {"grad_x", grad_x.doubles()},
                {"grad_weight", grad_weight.doubles()}};
}

auto const evaluate_in_one = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                               Values const& in) {
  return evaluate(backend, numbers, in, true);
};

Numbers sizes(Index rows, Index channels) {
  return {{"N", double(rows)}, {"C", double(channels)}, {"epsilon", 0.01}};
}

Values inputs(Index rows, Index channels) {
  Index const count = rows * channels;
  return {{"x", random_values("x", count, 0.5, 2)},
          {"y", random_values("y", count)},
          {"weight", random_values("weight", channels, 1, 0.25)},
          {"bias", random_values("bias", channels)},
          {"grad_out", random_values("grad_out", count)},
          {"skipped", random_values("skipped", count)}};
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(has_the_bits_of_the_two_calls, Backend, AllBackends) {
  auto const backend = make_backend<Backend>();
  for (Index const channels : {1, 3, 16, 67, 1031})
    for (Index const rows : {1, 5}) {
      Values const in = inputs(rows, channels);
      check_same_bits("one call against two", evaluate(backend, sizes(rows, channels), in, true),
                      evaluate(backend, sizes(rows, channels), in, false));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (Index const channels : {1, 3, 16, 67, 1031})
    for (Index const rows : {1, 5, 67})
      check_against_reference<Backend>(sizes(rows, channels), inputs(rows, channels),
                                       evaluate_in_one, 64);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sum_of_wrong_size_is_rejected, Backend, KernelBackends) {
  using T = typename Backend::Element;
  Tensor<T, 2> x({4, 3}), y({3, 3});
  Tensor<T, 1> three({3}), four({4});
  BOOST_CHECK_THROW(
      accrete::residual_rms_norm_forward(make_backend<Backend>(), x, y, x, three, x, four, 1e-5),
      accrete::ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
