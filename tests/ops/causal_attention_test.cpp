#include <accrete/backend/cpu/causal_attention.hpp>
#include <accrete/backend/reference/causal_attention.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(causal_attention)

namespace {

using namespace accrete_test;

/// Queries, keys and values (B,T,H,D) side by side, (B,T,3,H,D).
template <class T>
Tensor<T, 5> side_by_side(std::array<std::vector<double>, 3> const& parts,
                          typename Tensor<T, 4>::Sizes sizes) {
  Index const row = sizes[2] * sizes[3];
  Tensor<T, 5> result({sizes[0], sizes[1], 3, sizes[2], sizes[3]});
  for (Index i = 0; i < static_cast<Index>(result.values().size()); ++i)
    result.values()[std::size_t(i)] =
        static_cast<T>(parts[std::size_t(i / row % 3)][std::size_t(i / (3 * row) * row + i % row)]);
  return result;
}

template <class T>
std::vector<double> part_of(Tensor<T, 5>& tensor, Index part) {
  Index const row = tensor.view().size(3) * tensor.view().size(4);
  std::vector<double> result;
  for (Index i = 0; i < tensor.view().count(); ++i)
    if (i / row % 3 == part) result.push_back(tensor.values()[std::size_t(i)]);
  return result;
}

auto const evaluate = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                        Values const& in) {
  using T = typename Backend::Element;
  std::array<Index, 4> const sizes{size_of(numbers, "B"), size_of(numbers, "T"),
                                   size_of(numbers, "H"), size_of(numbers, "D")};
  auto const [b, t, h, d] = sizes;
  auto const qkv = side_by_side<T>({in.at("q"), in.at("k"), in.at("v")}, sizes);
  Tensor<T, 4> const grad_out(in.at("grad_out"), sizes);
  Tensor<T, 4> out(sizes);
  Tensor<T, 3> log_sum_exp({b, h, t});
  Tensor<T, 5> grad_qkv(qkv);  // overwritten, whatever it holds
  accrete::causal_attention_forward(backend, qkv, out, log_sum_exp);
  accrete::causal_attention_backward(backend, grad_out, qkv, out, log_sum_exp, grad_qkv);
  return Values{{"out", out.doubles()},
                {"log_sum_exp", log_sum_exp.doubles()},
                {"grad_q", part_of(grad_qkv, 0)},
                {"grad_k", part_of(grad_qkv, 1)},
                {"grad_v", part_of(grad_qkv, 2)}};
};

Numbers sizes(Index batch, Index time, Index heads, Index width) {
  return {{"B", double(batch)}, {"T", double(time)}, {"H", double(heads)}, {"D", double(width)}};
}

Values inputs(Numbers const& numbers, double spread = 1) {
  Index const count =
      size_of(numbers, "B") * size_of(numbers, "T") * size_of(numbers, "H") * size_of(numbers, "D");
  return {{"q", random_values("q", count, 0, spread)},
          {"k", random_values("k", count, 0, spread)},
          {"v", random_values("v", count)},
          {"grad_out", random_values("grad_out", count)}};
}

/// Batch, time, heads, head width: nothing that fits a tile.
std::vector<Numbers> awkward_sizes() {
  return {sizes(1, 1, 1, 1),  sizes(2, 2, 3, 5),   sizes(3, 15, 1, 33),
          sizes(1, 67, 2, 8), sizes(2, 131, 1, 1), sizes(1, 200, 2, 70)};
}

/// Decodes what `qkv` holds in runs of the given lengths; returns the outputs.
template <class Backend>
std::vector<double> decode_in_runs(Backend const& backend, Numbers const& numbers, Values const& in,
                                   std::vector<Index> const& runs) {
  using T = typename Backend::Element;
  Index const batch = size_of(numbers, "B"), time = size_of(numbers, "T");
  Index const heads = size_of(numbers, "H"), width = size_of(numbers, "D");
  auto qkv = side_by_side<T>({in.at("q"), in.at("k"), in.at("v")}, {batch, time, heads, width});
  Tensor<T, 4> keys({batch, heads, time + 3, width}), values({batch, heads, time + 3, width});
  std::vector<double> result(std::size_t(batch * time * heads * width));
  Index position = 0;
  for (Index const length : runs) {
    Tensor<T, 5> run({batch, length, 3, heads, width});
    Tensor<T, 4> out({batch, length, heads, width});
    Index const row = heads * width;
    for (Index b = 0; b < batch; ++b)
      std::copy_n(qkv.values().begin() + (b * time + position) * 3 * row, length * 3 * row,
                  run.values().begin() + b * length * 3 * row);
    Tensor<Index, 1> const positions(
        std::vector<double>(std::size_t(batch), static_cast<double>(position)), {batch});
    accrete::causal_attention_decode(backend, run, keys, values, positions, out);
    for (Index b = 0; b < batch; ++b)
      std::copy_n(out.values().begin() + b * length * row, length * row,
                  result.begin() + (b * time + position) * row);
    position += length;
  }
  BOOST_TEST(position == time);
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_pytorch, Backend, AllBackends) {
  // One case has scores near 3000, whose last bit is worth a thousand epsilons.
  check_against_pytorch<Backend>("attention", evaluate, 4000);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(backward_matches_finite_differences, Backend, DoubleBackends) {
  Numbers const numbers = sizes(2, 5, 2, 3);
  check_against_differences<Backend>(numbers, inputs(numbers), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (Numbers const& numbers : awkward_sizes())
    check_against_reference<Backend>(numbers, inputs(numbers), evaluate, 64);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  for (Numbers const& numbers : {sizes(1, 67, 2, 8), sizes(3, 131, 5, 33)})
    check_threads<Backend>(numbers, inputs(numbers), evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sequence_alone_equals_sequence_in_batch, Backend, KernelBackends) {
  Numbers const numbers = sizes(3, 67, 2, 20);
  check_rows_alone<Backend>(numbers, "B", inputs(numbers), {"q", "k", "v", "grad_out"},
                            {"out", "log_sum_exp", "grad_q", "grad_k", "grad_v"}, evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(later_tokens_change_nothing, Backend, KernelBackends) {
  Numbers const numbers = sizes(1, 131, 2, 20);
  Values in = inputs(numbers);
  std::vector<double> const out = evaluate(make_backend<Backend>(), numbers, in).at("out");
  for (Index const kept : {1, 16, 67, 130}) {
    Values less = in;
    for (auto& [name, values] : less) values.resize(std::size_t(kept * 2 * 20));
    BOOST_TEST(
        same_bits(evaluate(make_backend<Backend>(), sizes(1, kept, 2, 20), less).at("out"),
                  std::vector(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(kept * 40))));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(decode_gives_what_forward_gives, Backend, AllBackends) {
  auto const backend = make_backend<Backend>();
  for (Numbers const& numbers : awkward_sizes()) {
    Values const in = inputs(numbers);
    Index const time = size_of(numbers, "T");
    std::vector<double> const expected = evaluate(backend, numbers, in).at("out");
    std::vector<Index> const prompt_then_one_by_one = [&] {
      std::vector<Index> runs{time - time / 3};
      runs.insert(runs.end(), std::size_t(time / 3), 1);
      return runs;
    }();
    double const roundings = 16 * epsilon<typename Backend::Element>;
    BOOST_TEST(all_close(decode_in_runs(backend, numbers, in, {time}), expected, roundings));
    BOOST_TEST(all_close(decode_in_runs(backend, numbers, in, prompt_then_one_by_one), expected,
                         roundings));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(decode_in_runs_of_any_length_gives_the_bits_of_forward, Backend,
                              CpuBackends) {
  auto const backend = make_backend<Backend>();
  Numbers const numbers = sizes(2, 131, 2, 20);
  Values const in = inputs(numbers);
  std::vector<double> const expected = evaluate(backend, numbers, in).at("out");
  BOOST_TEST(same_bits(decode_in_runs(backend, numbers, in, {131}), expected));
  BOOST_TEST(same_bits(decode_in_runs(backend, numbers, in, std::vector<Index>(131, 1)), expected));
  BOOST_TEST(same_bits(decode_in_runs(backend, numbers, in, {1, 67, 2, 17, 44}), expected));
  for (int const threads : {1, 2, 3, 8})
    BOOST_TEST(same_bits(decode_in_runs(Backend(threads), numbers, in, {100, 1, 1, 29}), expected));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(each_sequence_decodes_at_its_own_position, Backend, KernelBackends) {
  using T = typename Backend::Element;
  auto const backend = make_backend<Backend>();
  Tensor<T, 5> const run(random_values("run", 2 * 2 * 3 * 8), {2, 2, 3, 1, 8});
  auto const cache = [](char const* name) {
    return Tensor<T, 4>(random_values(name, 2 * 30 * 8), {2, 1, 30, 8});
  };
  auto keys = cache("keys"), values = cache("values"), expected_keys = keys,
       expected_values = values;
  Tensor<Index, 1> const positions({19, 3}, {2});
  Tensor<T, 4> out({2, 2, 1, 8}), expected({2, 2, 1, 8});
  accrete::causal_attention_decode(backend, run, keys, values, positions, out);
  accrete::causal_attention_decode(accrete::ReferenceBackend<T>{}, run, expected_keys,
                                   expected_values, positions, expected);
  BOOST_TEST(all_close(out.values(), expected.values(), 16 * epsilon<T>));
  BOOST_TEST(same_bits(keys.values(), expected_keys.values()));
  BOOST_TEST(same_bits(values.values(), expected_values.values()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nearly_one_hot_softmax_is_exact_enough, Backend, KernelBackends) {
  Numbers const numbers = sizes(1, 67, 2, 8);
  check_against_reference<Backend>(numbers, inputs(numbers, 8), evaluate, 4000);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_nan_reaches_its_own_and_later_tokens_only, Backend,
                              KernelBackends) {
  Numbers const numbers = sizes(1, 67, 1, 8);
  Values in = inputs(numbers);
  in.at("k")[40 * 8 + 3] = std::nan("");
  std::vector<double> const out = evaluate(make_backend<Backend>(), numbers, in).at("out");
  for (std::size_t i = 0; i < out.size(); ++i) BOOST_TEST(std::isnan(out[i]) == (i / 8 >= 40));
}

BOOST_AUTO_TEST_CASE(sizes_that_do_not_fit_are_rejected) {
  accrete::CpuBackend const backend{};
  Tensor<float, 5> two_parts({1, 4, 2, 3, 8});
  Tensor<float, 4> out({1, 4, 3, 8});
  Tensor<float, 3> log_sum_exp({1, 3, 4});
  BOOST_CHECK_EXCEPTION(accrete::causal_attention_forward(backend, two_parts, out, log_sum_exp),
                        accrete::ShapeError,
                        says("causal_attention_forward: axis 2 of qkv: expected 3, got 2"));
}

BOOST_AUTO_TEST_SUITE_END()
