#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/finite_differences.hpp"
#include "support/models.hpp"
#include "support/tensors.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(transformer_block)

namespace {

inline constexpr BlockConfig sizes{.model_dim = 8, .head_count = 2, .hidden_dim = 12};
inline constexpr BlockConfig odd_heads{.model_dim = 8, .head_count = 3, .hidden_dim = 12};
inline constexpr BlockConfig no_heads{.model_dim = 8, .head_count = 0, .hidden_dim = 12};

template <BlockConfig Config, class... Policies>
concept block_is_allowed = requires {
  typename TransformerBlock<Config, Double, Policies...>;
};
static_assert(block_is_allowed<sizes>);
static_assert(block_is_allowed<sizes, Swiglu, RmsNorm>);
static_assert(block_is_allowed<sizes, RmsNorm, NoPositions, Swiglu>);
static_assert(block_is_allowed<dynamic_block>);
static_assert(!block_is_allowed<odd_heads>);
static_assert(!block_is_allowed<no_heads>);
static_assert(!block_is_allowed<sizes, Gelu, Swiglu>);
static_assert(!block_is_allowed<sizes, RmsNorm, RmsNorm>);

/// One block with parameters of its own, its memory, and an upstream gradient.
template <class BlockType>
struct Bench {
  static constexpr Index batch = 2, time = 5, width = 8;

  Bench() : segment(Double{}, "block") {
    segment.add(block, "block");
    segment.allocate();
    segment.bind(block, "block");
    auto const start = random_values("parameters", segment.values().count(), 0.0, 0.4);
    std::copy(start.begin(), start.end(), segment.values().data());
    auto planned = plan_on(Double{}, [&](Workspace<Double>& workspace) {
      return std::pair{block.activations_for(workspace, batch, time),
                       block.scratch_for(workspace, batch, time)};
    });
    memory = std::move(planned.first);
    activations = planned.second.first;
    scratch = planned.second.second;
  }

  /// sum of out * upstream
  double loss() {
    block.forward(Double{}, x, out, activations, scratch);
    double sum = 0;
    for (std::size_t i = 0; i < out.values().size(); ++i)
      sum += out.values()[i] * upstream.values()[i];
    return sum;
  }

  BlockType block;
  Segment<Double> segment;
  Workspace<Double> memory;
  typename BlockType::Activations activations;
  typename BlockType::Scratch scratch;
  Tensor<double, 3> x{random_values("x", batch* time* width), {batch, time, width}};
  Tensor<double, 3> upstream{random_values("upstream", batch* time* width), {batch, time, width}};
  Tensor<double, 3> out{{batch, time, width}}, grad_x{{batch, time, width}};
};

using Blocks =
    std::tuple<TransformerBlock<sizes, Double>, TransformerBlock<sizes, Double, RmsNorm, Swiglu>,
               TransformerBlock<sizes, Double, NoPositions>>;

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(backward_matches_finite_differences, BlockType, Blocks) {
  Bench<BlockType> bench;
  std::vector<double> gradient(static_cast<std::size_t>(bench.segment.values().count()));
  Gradients<Double> gradients;
  gradients.add_run(bench.segment.values(), {gradient.data(), {bench.segment.values().count()}});
  static_cast<void>(bench.loss());
  bench.block.backward(Double{}, gradients, bench.upstream, bench.x, bench.grad_x,
                       bench.activations, bench.scratch);

  auto const of_x = finite_differences(bench.x.values(), [&] { return bench.loss(); });
  BOOST_TEST(all_close(bench.grad_x.values(), of_x, 1e-8));
  auto const of_parameters =
      finite_differences(bench.segment.values().span(), [&] { return bench.loss(); });
  BOOST_TEST(all_close(gradient, of_parameters, 1e-8));
}

BOOST_AUTO_TEST_CASE(frozen_block_passes_the_same_gradient_and_keeps_none) {
  Bench<TransformerBlock<sizes, Double>> bench;
  static_cast<void>(bench.loss());
  std::vector<double> gradient(static_cast<std::size_t>(bench.segment.values().count()));
  Gradients<Double> all, none;
  all.add_run(bench.segment.values(), {gradient.data(), {bench.segment.values().count()}});
  bench.block.backward(Double{}, all, bench.upstream, bench.x, bench.grad_x, bench.activations,
                       bench.scratch);
  auto const trained = bench.grad_x.values();
  auto const kept = gradient;
  bench.block.backward(Double{}, none, bench.upstream, bench.x, bench.grad_x, bench.activations,
                       bench.scratch);
  BOOST_TEST(same_bits(bench.grad_x.values(), trained));
  BOOST_TEST(same_bits(gradient, kept));
}

BOOST_AUTO_TEST_CASE(backward_adds_to_parameter_gradients) {
  Bench<TransformerBlock<sizes, Double>> bench;
  static_cast<void>(bench.loss());
  std::vector<double> once(static_cast<std::size_t>(bench.segment.values().count())),
      twice(once.size());
  Gradients<Double> first, second;
  first.add_run(bench.segment.values(), {once.data(), {bench.segment.values().count()}});
  second.add_run(bench.segment.values(), {twice.data(), {bench.segment.values().count()}});
  auto const backward = [&](Gradients<Double> const& gradients) {
    bench.block.backward(Double{}, gradients, bench.upstream, bench.x, bench.grad_x,
                         bench.activations, bench.scratch);
  };
  backward(first);
  backward(second);
  backward(second);
  for (double& value : once) value *= 2;
  BOOST_TEST(all_close(twice, once, 1e-14));
}

BOOST_AUTO_TEST_CASE(decode_steps_equal_forward) {
  Bench<TransformerBlock<sizes, Double>> bench;
  static_cast<void>(bench.loss());
  auto const& block = bench.block;
  auto [memory, cache] = plan_on(Double{}, [&](Workspace<Double>& workspace) {
    return block.cache_for(workspace, bench.batch, bench.time);
  });
  std::vector<Index> positions{0, 0};
  Index begin = 0;
  for (Index const count : {2, 1, 2}) {
    Tensor<double, 3> x({bench.batch, count, bench.width}), out({bench.batch, count, bench.width});
    for (Index b = 0; b < bench.batch; ++b)
      for (Index t = 0; t < count; ++t)
        for (Index c = 0; c < bench.width; ++c) x.view()(b, t, c) = bench.x.view()(b, begin + t, c);
    auto [step_memory, parts] = plan_on(Double{}, [&](Workspace<Double>& workspace) {
      return std::pair{block.activations_for(workspace, bench.batch, count),
                       block.scratch_for(workspace, bench.batch, count)};
    });
    block.decode_step(Double{}, cache, {positions.data(), {bench.batch}}, x, out, parts.first,
                      parts.second);
    for (Index b = 0; b < bench.batch; ++b)
      for (Index t = 0; t < count; ++t)
        for (Index c = 0; c < bench.width; ++c)
          BOOST_TEST(std::abs(out.view()(b, t, c) - bench.out.view()(b, begin + t, c)) < 1e-13);
    begin += count;
    for (Index& position : positions) position += count;
  }
}

BOOST_AUTO_TEST_CASE(parameters_are_counted_without_memory) {
  Index const c = 1024;
  DynamicBlock<Double> const block({.model_dim = c, .head_count = 32, .hidden_dim = 4 * c});
  BOOST_TEST(parameter_count(block) == 12 * c * c + 9 * c);
}

BOOST_AUTO_TEST_CASE(dynamic_sizes_are_checked_by_the_same_names) {
  using Dynamic = DynamicBlock<Double>;
  BOOST_CHECK_EXCEPTION(
      Dynamic({.model_dim = 8, .head_count = 3, .hidden_dim = 8}), ShapeError,
      says("HeadCountDividesModelDim: model_dim 8 is no multiple of head_count 3"));
  BOOST_CHECK_EXCEPTION(Dynamic({.model_dim = 8, .head_count = 2, .hidden_dim = -4}), ShapeError,
                        says("AllSizesPositive: hidden_dim"));
  BOOST_CHECK_EXCEPTION(Dynamic(BlockConfig{}), ShapeError, says("AllSizesPositive: model_dim"));
  BOOST_CHECK_EXCEPTION(Dynamic({.model_dim = 6, .head_count = 2, .hidden_dim = 8}), ShapeError,
                        says("a head width of 3 does not fit the positions 'rotary'"));
}

BOOST_AUTO_TEST_CASE(static_sizes_may_be_repeated_but_not_contradicted) {
  using Static = TransformerBlock<sizes, Double>;
  BOOST_TEST(Static(sizes).model_dim() == 8);
  BOOST_CHECK_EXCEPTION(Static({.model_dim = 16}), ShapeError,
                        says("block config: model_dim is 8 in the block's type, got 16"));
}

BOOST_AUTO_TEST_SUITE_END()
