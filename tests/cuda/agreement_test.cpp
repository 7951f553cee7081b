// Decoders of random sizes do on a device what they do on the CPU, again and again with the same bits.
#include <accrete/backend/cuda/cuda.hpp>

#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/models.hpp"
#include "support/tested_cuda.hpp"

BOOST_AUTO_TEST_SUITE(cuda_agreement)

namespace {

using namespace accrete_test;
using accrete::CudaBackend;
using accrete::CudaBackendBf16;
using TwoPrecisions = std::tuple<CudaBackend, CudaBackendBf16>;

template <class Backend, class... Policies>
using RandomModel =
    accrete::Decoder<accrete::LearnedEmbedding,
                     accrete::Growable<accrete::Stack<DynamicBlock<Backend, Policies...>>>>;

/// Sizes drawn from a seed; none is a multiple of 8 but by chance.
struct Sizes {
  explicit Sizes(std::uint64_t seed) : stream(seed, 9) {}

  Index draw(Index least, Index most) {
    return least +
           static_cast<Index>(stream.uniform(drawn++) * static_cast<double>(most - least + 1));
  }

  accrete::RandomStream stream;
  std::uint64_t drawn = 0;
  Index vocabulary = draw(5, 70), heads = draw(1, 3), head_dim = 2 * draw(1, 8);
  Index hidden = draw(1, 50), layers = draw(1, 3), batch = draw(1, 3), time = draw(1, 19);
};

template <class Model>
Model make_model(typename Model::Backend const& backend, Sizes const& sizes) {
  Model model{backend,
              random_substrate(sizes.vocabulary, 4),
              {.seed = 3,
               .planned_depth = sizes.layers,
               .block = {.model_dim = sizes.heads * sizes.head_dim,
                         .head_count = sizes.heads,
                         .hidden_dim = sizes.hidden}}};
  model.body().grow(sizes.layers);
  return model;
}

/// Loss and gradient norm of each step.
template <class Model>
std::vector<double> train(Model& model, Sizes const& sizes, Index steps) {
  std::vector<double> results;
  auto batches = random_batches(sizes.vocabulary, sizes.batch, sizes.time);
  accrete::TrainerOptions options{.steps = steps, .schedule = {.steps = 0}};
  options.on_step = [&](accrete::StepReport const& step) {
    results.push_back(step.loss);
    results.push_back(step.gradient_norm);
  };
  accrete::Trainer{model, accrete::AdamW{}, options}.fit(batches);
  return results;
}

template <class... Policies>
void check_agreement(std::uint64_t seed) {
  Sizes const sizes(seed);
  BOOST_TEST_CONTEXT("V " << sizes.vocabulary << ", heads " << sizes.heads << " of "
                          << sizes.head_dim << ", hidden " << sizes.hidden << ", layers "
                          << sizes.layers << ", B " << sizes.batch << ", T " << sizes.time) {
    auto on_cpu = make_model<RandomModel<Cpu, Policies...>>(Cpu(1), sizes);
    auto model = make_model<RandomModel<CudaBackend, Policies...>>(
        CudaBackend(std::make_shared<TestedCuda>()), sizes);
    BOOST_TEST(all_close(train(model, sizes, 3), train(on_cpu, sizes, 3), 1e-4));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(random_decoders_train_as_on_the_cpu) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) check_agreement<>(seed);
}

BOOST_AUTO_TEST_CASE(random_decoders_of_other_parts_train_as_on_the_cpu) {
  for (std::uint64_t seed = 11; seed <= 16; ++seed)
    check_agreement<accrete::RmsNorm, accrete::Swiglu>(seed);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(ten_deterministic_runs_have_the_same_bits, Backend, TwoPrecisions) {
  Sizes const sizes(21);
  std::vector<float> first;
  for (int run = 0; run < 10; ++run) {
    auto model = make_model<RandomModel<Backend>>(
        Backend(std::make_shared<TestedCuda>(), {.deterministic = true}), sizes);
    static_cast<void>(train(model, sizes, 3));
    auto const parameters = parameters_of(model);
    if (run == 0) first = parameters;
    BOOST_TEST(same_bits(parameters, first));
  }
}

BOOST_AUTO_TEST_SUITE_END()
