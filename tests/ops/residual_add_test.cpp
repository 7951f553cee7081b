#include <accrete/backend/cpu/residual_add.hpp>
#include <accrete/backend/reference/residual_add.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(residual_add)

namespace {

using namespace accrete_test;

auto const evaluate = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                        Values const& in) {
  using T = typename Backend::Element;
  Index const n = size_of(numbers, "B") * size_of(numbers, "T");
  Index const c = size_of(numbers, "C");
  Tensor<T, 2> const x(in.at("x"), {n, c}), y(in.at("y"), {n, c});
  Tensor<T, 2> out({n, c}), in_place(in.at("x"), {n, c});
  accrete::residual_add(backend, x, y, out);
  accrete::residual_add(backend, in_place, y, in_place);
  BOOST_TEST(same_bits(in_place.values(), out.values()));
  return Values{{"out", out.doubles()}};
};

Numbers sizes(Index rows, Index channels) {
  return {{"B", double(rows)}, {"T", 1}, {"C", double(channels)}};
}

Values inputs(Index rows, Index channels) {
  return {{"x", random_values("x", rows * channels)}, {"y", random_values("y", rows * channels)}};
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_pytorch, Backend, AllBackends) {
  check_against_pytorch<Backend>("residual", evaluate, 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (Index const channels : {1, 3, 16, 67, 1031})
    check_against_reference<Backend>(sizes(5, channels), inputs(5, channels), evaluate, 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  check_threads<Backend>(sizes(131, 1031), inputs(131, 1031), evaluate);
}

BOOST_AUTO_TEST_CASE(summand_of_wrong_size_is_rejected) {
  Tensor<float, 2> x({4, 3}), y({3, 3});
  BOOST_CHECK_EXCEPTION(accrete::residual_add(accrete::CpuBackend{}, x, y, x), accrete::ShapeError,
                        says("residual_add: axis 0 of y: expected 4, got 3"));
}

BOOST_AUTO_TEST_SUITE_END()
