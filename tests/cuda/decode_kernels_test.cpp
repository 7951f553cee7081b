// Decoding whole models by kernels of our own: the same logits within rounding, in fewer launches.
#include <accrete/backend/cuda/cuda.hpp>

#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/models.hpp"
#include "support/tested_cuda.hpp"

namespace mine {

/// A norm and an activation that say nothing of themselves to kernels.
struct Halved {
  using Role = accrete::NormRole;

  template <accrete::HasRmsNorm B>
  class Layer {
   public:
    using Backend = B;
    using Inner = accrete::RmsNorm::Layer<B>;
    using Activations = typename Inner::Activations;
    using Scratch = typename Inner::Scratch;

    explicit Layer(accrete::Index channels) : inner_(channels) {}
    template <class Self>
    static void visit_parameters(Self& self, auto&& visit) {
      visit("inner", self.inner_);
    }
    [[nodiscard]] accrete::Json describe() const { return accrete::Json("my_norm"); }
    Activations activations_for(accrete::Workspace<B>& workspace, accrete::Index batch,
                                accrete::Index time) const {
      return inner_.activations_for(workspace, batch, time);
    }
    Scratch scratch_for(accrete::Workspace<B>&, accrete::Index, accrete::Index) const { return {}; }
    void forward(B const& backend, accrete::View<B, accrete::Element const, 3> x,
                 accrete::View<B, accrete::Element, 3> out, Activations& kept,
                 Scratch& scratch) const {
      inner_.forward(backend, x, out, kept, scratch);
    }
    void backward(B const& backend, accrete::Gradients<B> const& gradients,
                  accrete::View<B, accrete::Element const, 3> grad_out,
                  accrete::View<B, accrete::Element const, 3> x,
                  accrete::View<B, accrete::Element, 3> grad_x, Activations const& kept,
                  Scratch& scratch) const {
      inner_.backward(backend, gradients, grad_out, x, grad_x, kept, scratch);
    }

   private:
    Inner inner_;
  };
};
struct OwnGelu {
  using Role = accrete::ActivationRole;
  static constexpr accrete::Index input_factor = 1;
  static constexpr char const* name = "my_gelu";

  template <class Backend>
  static void forward(Backend const& backend, accrete::View<Backend, accrete::Element const, 2> x,
                      accrete::View<Backend, accrete::Element, 2> out) {
    accrete::gelu_forward(backend, x, out);
  }
  template <class Backend>
  static void backward(Backend const& backend,
                       accrete::View<Backend, accrete::Element const, 2> grad_out,
                       accrete::View<Backend, accrete::Element const, 2> x,
                       accrete::View<Backend, accrete::Element, 2> grad_x) {
    accrete::gelu_backward(backend, grad_out, x, grad_x);
  }
};

}  // namespace mine

BOOST_AUTO_TEST_SUITE(cuda_decode_kernels)

namespace {

using namespace accrete_test;
using accrete::CudaBackend;
using accrete::CudaBackendBf16;

constexpr Index vocabulary = 13, prompt = 5, steps = 4;
constexpr accrete::BlockConfig sizes{.model_dim = 24, .head_count = 2, .hidden_dim = 40};

template <class Block>
using ModelOf =
    accrete::Decoder<accrete::FrozenGlyphEmbedding, accrete::Growable<accrete::Stack<Block>>>;
template <class Backend, class... Policies>
using Model = ModelOf<DynamicBlock<Backend, Policies...>>;
using Default = Model<CudaBackend>;

template <class M>
M make_model(std::shared_ptr<TestedCuda> const& api, bool decode_kernels, std::uint64_t seed = 3) {
  M model{typename M::Backend(api, {.deterministic = true, .decode_kernels = decode_kernels}),
          random_substrate(vocabulary, 8),
          {.seed = seed, .planned_depth = 2, .block = sizes}};
  model.body().grow(2);
  return model;
}

/// The logits after a prompt and after each of some tokens, of each of `batch` sequences.
template <class M>
std::vector<double> decoded(M const& model, Index batch) {
  auto const tokens = random_tokens(batch * (prompt + steps), vocabulary);
  typename M::Session session(model, {.batch = batch, .time = prompt, .cache = 150});
  std::vector<double> result;
  for (Index done = 0; done < prompt + steps;) {
    Index const count = done == 0 ? prompt : 1;
    model.decode_step(session, {tokens.data() + batch * done, {batch, count}});
    for (auto const logit : logits_of(model, session)) result.push_back(static_cast<double>(logit));
    done += count;
  }
  return result;
}

template <class M>
void check_same(Index batch, double roundings = 64) {
  auto const api = std::make_shared<TestedCuda>();
  auto const plain = make_model<M>(api, false);
  auto const own = make_model<M>(api, true);
  using E = typename M::Backend::Element;
  BOOST_TEST(all_close(decoded(own, batch), decoded(plain, batch), roundings * epsilon<E>));
}

#ifndef __CUDACC__
/// Kernels and products of one step of a single sequence, by name.
template <class M>
std::map<std::string, Index> launches_of_a_step(M const& model, FakeCuda const& api) {
  typename M::Session session(model, {.cache = 9});
  TokenId const token = 1;
  model.decode_step(session, {&token, {1, 1}});
  auto before = api.launches_by_name();
  model.decode_step(session, {&token, {1, 1}});
  static_cast<void>(logits_of(model, session));
  std::map<std::string, Index> launches;
  for (auto const& [name, count] : api.launches_by_name())
    if (count > before[name]) launches[name] = count - before[name];
  return launches;
}
#endif

}  // namespace

BOOST_AUTO_TEST_CASE(decoders_decode_alike_with_and_without) {
  for (Index const batch : {1, 2, 3, 8, 9}) check_same<Default>(batch);
  check_same<Model<CudaBackend, accrete::RmsNorm, accrete::Swiglu>>(3);
  check_same<ModelOf<accrete::TransformerBlock<sizes, CudaBackend, accrete::RmsNorm>>>(2);
  check_same<Model<CudaBackend, accrete::NoPositions>>(1);
}

BOOST_AUTO_TEST_CASE(bfloat16_and_double_decode_alike_with_and_without) {
  check_same<Model<CudaBackendBf16>>(2, 4);
  check_same<Model<CudaBackendBf16, accrete::RmsNorm, accrete::Swiglu>>(1, 4);
  check_same<Model<accrete::BasicCudaBackend<double>>>(2);
}

BOOST_AUTO_TEST_CASE(parts_of_a_users_own_decode_alike_with_and_without) {
  check_same<Model<CudaBackend, mine::Halved>>(2);
  check_same<Model<CudaBackend, mine::OwnGelu>>(2);
  check_same<Model<CudaBackend, mine::Halved, mine::OwnGelu>>(2);
}

BOOST_AUTO_TEST_CASE(ensembles_decode_alike_with_and_without) {
  auto const api = std::make_shared<TestedCuda>();
  auto const both = [&](bool own) {
    return decoded(accrete::Ensemble<Default, Default>{make_model<Default>(api, own),
                                                       make_model<Default>(api, own, 4)},
                   2);
  };
  BOOST_TEST(all_close(both(true), both(false), 1e-5));
}

BOOST_AUTO_TEST_CASE(adapters_decode_alike_with_and_without_and_merged) {
  auto const api = std::make_shared<TestedCuda>();
  auto const adapted = [&](bool own, bool merged) {
    auto model = make_model<Default>(api, own);
    model.body().freeze();
    model.body().add_adapters(
        {.rank = 2, .alpha = 8, .targets = {"attention.query", "feed_forward.down"}});
    model.body().for_each_segment([](auto& segment) {
      if (segment.name() != "adapters") return;
      for (auto const& entry : segment.entries())
        segment.fill(entry, [](std::span<float> values) {
          for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = 0.3F * std::sin(static_cast<float>(i));
        });
    });
    if (merged) static_cast<void>(model.body().merge_adapters());
    return decoded(model, 2);
  };
  auto const expected = adapted(false, false);
  BOOST_TEST(all_close(adapted(true, false), expected, 1e-5));
  BOOST_TEST(all_close(adapted(true, true), expected, 1e-5));
  BOOST_TEST(!all_close(expected, decoded(make_model<Default>(api, false), 2), 1e-3));
}

BOOST_AUTO_TEST_CASE(generation_gives_the_same_tokens_with_and_without) {
  auto const api = std::make_shared<TestedCuda>();
  auto const generated = [&](bool own) {
    return accrete::generate_tokens(make_model<Default>(api, own), {{1, 5, 6}, {1}},
                                    {.max_tokens = 6, .sampling = {.temperature = 0}});
  };
  BOOST_TEST((generated(true) == generated(false)));
}

#ifndef __CUDACC__  // what only the fake device can do
BOOST_AUTO_TEST_CASE(a_token_takes_seven_kernels_a_block_and_four_maps_hold_nearly_all_else) {
  auto const api = std::make_shared<FakeCuda>();
  auto const launches = launches_of_a_step(make_model<Default>(api, true), *api);
  std::map<std::string, Index> const expected{{"embedding_forward", 1},
                                              {"fused_linear_forward", 4 * 2 + 1},
                                              {"rotary", 2},
                                              {"causal_attention_decode: chunks", 2},
                                              {"causal_attention_decode: join", 2},
                                              {"layer_norm_forward", 1}};
  BOOST_TEST((launches == expected));
  BOOST_TEST(api->heuristics() == 0);  // cuBLASLt was never asked
}

BOOST_AUTO_TEST_CASE(without_them_decoding_is_as_it_was) {
  auto const api = std::make_shared<FakeCuda>();
  auto const launches = launches_of_a_step(make_model<Default>(api, false), *api);
  std::map<std::string, Index> const expected{{"embedding_forward", 1},
                                              {"layer_norm_forward", 2 + 1},
                                              {"rotary", 2},
                                              {"causal_attention_decode: append", 2},
                                              {"causal_attention_decode", 2},
                                              {"residual_layer_norm_forward", 2},
                                              {"gelu_forward", 2},
                                              {"residual_add", 2}};
  BOOST_TEST((launches == expected));  // and four products a block, and one for the logits
}

BOOST_AUTO_TEST_CASE(an_adapter_takes_its_block_off_the_fused_maps_alone) {
  auto const api = std::make_shared<FakeCuda>();
  auto model = make_model<Default>(api, true);
  model.body().freeze();
  model.body().grow(1);
  model.body().add_adapters({.rank = 2, .alpha = 8, .targets = {"attention.query"}});
  auto const launches = launches_of_a_step(model, *api);
  BOOST_TEST(launches.at("residual_layer_norm_forward") == 2);
  BOOST_TEST(launches.at("fused_linear_forward") == 4 * 3 + 1);
}

BOOST_AUTO_TEST_CASE(the_order_of_threads_and_blocks_changes_no_bit_of_a_token) {
  auto const with_seed = [](std::uint64_t seed) {
    auto const api = std::make_shared<FakeCuda>(FakeCuda::Settings{.seed = seed});
    return decoded(make_model<Default>(api, true), 2);
  };
  BOOST_TEST(same_bits(with_seed(1), with_seed(1000)));
}

BOOST_AUTO_TEST_CASE(whatever_call_of_decoding_fails_is_named_and_nothing_leaks) {
  auto const whole = std::make_shared<FakeCuda>();
  auto const live = [](std::shared_ptr<FakeCuda> const& api) {
    static_cast<void>(
        accrete::generate_tokens(make_model<Default>(api, true), {{1, 4}}, {.max_tokens = 2}));
  };
  live(whole);
  BOOST_TEST(whole->mistakes().empty());
  for (Index call = 1; call <= whole->calls(); ++call) {
    auto const api = std::make_shared<FakeCuda>(FakeCuda::Settings{.fail_at = call});
    BOOST_TEST_CONTEXT("call " << call) {
      BOOST_CHECK_EXCEPTION(live(api), accrete::Error, says("999"));
      BOOST_TEST(api->alive() == 0u);
    }
  }
}
#endif

BOOST_AUTO_TEST_SUITE_END()
