#include <accrete/backend/cpu/low_rank.hpp>
#include <accrete/backend/reference/low_rank.hpp>

#include <boost/test/unit_test.hpp>

#include "support/error_text.hpp"
#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(low_rank)

namespace {

using namespace accrete_test;

auto const evaluate = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                        Values const& in) {
  using T = typename Backend::Element;
  Index const n = size_of(numbers, "B") * size_of(numbers, "T");
  Index const c = size_of(numbers, "C"), o = size_of(numbers, "O");
  Index const r = size_of(numbers, "R"), p = size_of(numbers, "P");
  Tensor<T, 2> const x(in.at("x"), {n, c}), down(in.at("down"), {r, c}), up(in.at("up"), {p, r});
  Tensor<T, 2> const grad_out(in.at("grad_out"), {n, o});
  Tensor<T, 2> out(in.at("before"), {n, o}), grad_x({n, c}), grad_down({r, c}), grad_up({p, r});
  accrete::LowRankOptions const options{.scale = numbers.at("scale"),
                                        .first_output = size_of(numbers, "first")};
  accrete::low_rank_forward(backend, x, down, up, out, options);
  accrete::low_rank_backward(backend, grad_out, x, down, up, grad_x, grad_down, grad_up, options);
  return Values{{"out", out.doubles()},
                {"grad_x", grad_x.doubles()},
                {"grad_down", grad_down.doubles()},
                {"grad_up", grad_up.doubles()}};
};

struct Sizes {
  Index rows, inputs, outputs, rank, corrected, first;
};

Numbers numbers_of(Sizes const& s) {
  return {{"B", double(s.rows)},      {"T", 1},
          {"C", double(s.inputs)},    {"O", double(s.outputs)},
          {"R", double(s.rank)},      {"P", double(s.corrected)},
          {"first", double(s.first)}, {"scale", 0.5}};
}

Values inputs_of(Sizes const& s) {
  return {{"x", random_values("x", s.rows * s.inputs)},
          {"down", random_values("down", s.rank * s.inputs)},
          {"up", random_values("up", s.corrected * s.rank)},
          {"before", random_values("before", s.rows * s.outputs)},
          {"grad_out", random_values("grad_out", s.rows * s.outputs)}};
}

constexpr std::array<Sizes, 4> awkward{{{1, 1, 1, 1, 1, 0},
                                        {67, 96, 131, 5, 17, 114},
                                        {5, 331, 40, 8, 40, 0},
                                        {131, 48, 144, 16, 48, 48}}};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_pytorch, Backend, AllBackends) {
  check_against_pytorch<Backend>("low_rank", evaluate, 16);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(backward_matches_finite_differences, Backend, DoubleBackends) {
  Sizes const sizes{3, 5, 7, 2, 4, 2};
  check_against_differences<Backend>(numbers_of(sizes), inputs_of(sizes), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (Sizes const& sizes : awkward)
    check_against_reference<Backend>(numbers_of(sizes), inputs_of(sizes), evaluate, 32);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  for (Sizes const& sizes : awkward)
    check_threads<Backend>(numbers_of(sizes), inputs_of(sizes), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(row_alone_equals_row_in_batch, Backend, KernelBackends) {
  check_rows_alone<Backend>(numbers_of(awkward[1]), "B", inputs_of(awkward[1]),
                            {"x", "before", "grad_out"}, {"out", "grad_x"}, evaluate);
}

BOOST_AUTO_TEST_CASE(outputs_that_do_not_exist_are_refused) {
  accrete::ReferenceBackend<double> const backend{};
  Tensor<double, 2> const x({2, 3}), down({1, 3}), up({4, 1});
  Tensor<double, 2> out({2, 5});
  BOOST_CHECK_EXCEPTION(
      accrete::low_rank_forward(backend, x, down, up, out, {.scale = 1, .first_output = 2}),
      accrete::ShapeError, says("[2, 6)", "among 5"));
}

BOOST_AUTO_TEST_SUITE_END()
