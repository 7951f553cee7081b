#include <accrete/backend/cpu/swiglu.hpp>
#include <accrete/backend/reference/swiglu.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(swiglu)

namespace {

using namespace accrete_test;

auto const evaluate = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                        Values const& in) {
  using T = typename Backend::Element;
  Index const n = size_of(numbers, "B") * size_of(numbers, "T");
  Index const f = size_of(numbers, "F");
  Tensor<T, 2> const x(in.at("x"), {n, 2 * f}), grad_out(in.at("grad_out"), {n, f});
  Tensor<T, 2> out({n, f}), grad_x({n, 2 * f});
  accrete::swiglu_forward(backend, x, out);
  accrete::swiglu_backward(backend, grad_out, x, grad_x);
  return Values{{"out", out.doubles()}, {"grad_x", grad_x.doubles()}};
};

Numbers sizes(Index rows, Index width) {
  return {{"B", double(rows)}, {"T", 1}, {"F", double(width)}};
}

Values inputs(Index rows, Index width) {
  return {{"x", random_values("x", rows * 2 * width, 0, 3)},
          {"grad_out", random_values("grad_out", rows * width)}};
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_pytorch, Backend, AllBackends) {
  check_against_pytorch<Backend>("swiglu", evaluate, 8);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(backward_matches_finite_differences, Backend, DoubleBackends) {
  check_against_differences<Backend>(sizes(3, 7), inputs(3, 7), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (Index const width : {1, 3, 16, 67, 1031})
    check_against_reference<Backend>(sizes(5, width), inputs(5, width), evaluate, 8);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(infinity_and_nan_are_those_of_the_formula, Backend, KernelBackends) {
  double const infinity = std::numeric_limits<double>::infinity();
  Values const in{{"x", {infinity, -infinity, std::nan(""), -0.0, 100, -100, 1, 1, 1, 1, 1, 1}},
                  {"grad_out", {1, 1, 1, 1, 1, 1}}};
  check_against_reference<Backend>(sizes(1, 6), in, evaluate, 8);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  check_threads<Backend>(sizes(131, 1031), inputs(131, 1031), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(row_alone_equals_row_in_batch, Backend, KernelBackends) {
  check_rows_alone<Backend>(sizes(9, 67), "B", inputs(9, 67), {"x", "grad_out"}, {"out", "grad_x"},
                            evaluate);
}

BOOST_AUTO_TEST_CASE(input_without_two_halves_is_rejected) {
  Tensor<float, 2> x({4, 3}), out({4, 2});
  BOOST_CHECK_EXCEPTION(accrete::swiglu_forward(accrete::CpuBackend{}, x, out), accrete::ShapeError,
                        says("swiglu_forward: axis 1 of x: expected 4, got 3"));
}

BOOST_AUTO_TEST_SUITE_END()
