#include "kernel_cases.hpp"

#include <array>

#include "machine.hpp"

namespace bench {
namespace {

using namespace accrete;

/// A vector of values that are neither zero nor special.
std::vector<float> values(Index count) {
  std::vector<float> result(static_cast<std::size_t>(count));
  RandomStream const stream(1, 2);
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<float>(stream.words(i)[0]) * 0x1p-32F - 0.5F;
  return result;
}

class Kernels {
 public:
  Kernels(int repeats, int threads, double peak_flops)
      : repeats_(repeats), peak_flops_(peak_flops), cpu_(threads) {}

  void product(std::string const& name, Index rows, Index inputs, Index outputs) {
    auto const x = values(rows * inputs), weight = values(outputs * inputs);
    auto grad_out = values(rows * outputs);
    std::vector<float> out(grad_out.size()), grad_x(x.size()), grad_weight(weight.size());
    TensorView<float const, 2> const x_view{x.data(), {rows, inputs}};
    TensorView<float const, 2> const weight_view{weight.data(), {outputs, inputs}};
    TensorView<float const, 2> const grad_view{grad_out.data(), {rows, outputs}};
    double const flop = 2.0 * static_cast<double>(rows) * static_cast<double>(inputs) *
                        static_cast<double>(outputs);
    record(name + " forward", flop, [&] {
      linear_forward<CpuBackend>(cpu_, x_view, weight_view, {}, {out.data(), {rows, outputs}});
    });
    record(name + " grad x", flop, [&] {
      linear_backward<CpuBackend>(cpu_, grad_view, x_view, weight_view,
                                  {grad_x.data(), {rows, inputs}}, {}, {});
    });
    record(name + " grad weight", flop, [&] {
      linear_backward<CpuBackend>(cpu_, grad_view, x_view, weight_view, {},
                                  {grad_weight.data(), {outputs, inputs}}, {});
    });
  }

  void attention(std::string const& name, Index batch, Index time, Index heads, Index width) {
    auto const qkv = values(batch * time * 3 * heads * width);
    auto const grad_out = values(batch * time * heads * width);
    std::vector<float> out(grad_out.size()), grad_qkv(qkv.size()),
        log_sum_exp(static_cast<std::size_t>(batch * heads * time));
    TensorView<float const, 5> const qkv_view{qkv.data(), {batch, time, 3, heads, width}};
    TensorView<float, 4> const out_view{out.data(), {batch, time, heads, width}};
    TensorView<float, 3> const sums{log_sum_exp.data(), {batch, heads, time}};
    double const flop = 4.0 * static_cast<double>(batch * time * time * heads * width);
    record(name + " forward", flop,
           [&] { causal_attention_forward<CpuBackend>(cpu_, qkv_view, out_view, sums); });
    record(name + " backward", 2 * flop, [&] {
      causal_attention_backward<CpuBackend>(cpu_, {grad_out.data(), {batch, time, heads, width}},
                                            qkv_view, out_view, sums,
                                            {grad_qkv.data(), {batch, time, 3, heads, width}});
    });
  }

  void classifier(std::string const& name, Index tokens, Index width, Index vocabulary) {
    auto const hidden = values(tokens * width), weight = values(vocabulary * width);
    std::vector<float> grad_hidden(hidden.size()), grad_weight(weight.size());
    std::vector<TokenId> targets(static_cast<std::size_t>(tokens));
    for (std::size_t i = 0; i < targets.size(); ++i)
      targets[i] = static_cast<TokenId>(i * 31 % static_cast<std::size_t>(vocabulary));
    std::array<ClassifierTerm<CpuBackend>, 1> const terms{
        {{.hidden = {hidden.data(), {tokens, width}},
          .weight = {weight.data(), {vocabulary, width}},
          .bias = {}}}};
    std::array<ClassifierTermGradient<CpuBackend>, 1> const gradients{
        {{.hidden = {grad_hidden.data(), {tokens, width}},
          .weight = {grad_weight.data(), {vocabulary, width}},
          .bias = {}}}};
    LossScratch<CpuBackend> scratch(cpu_, tokens, vocabulary);
    double const flop = 6.0 * static_cast<double>(tokens) * static_cast<double>(width) *
                        static_cast<double>(vocabulary);
    record(name + " loss and gradient", flop, [&] {
      classifier_loss_forward_backward<CpuBackend>(cpu_, terms, gradients,
                                                   {targets.data(), {tokens}},
                                                   scratch.losses(tokens), scratch.logits(), 1e-3);
    });
  }

  [[nodiscard]] Json take() { return std::move(results_); }

 private:
  template <class F>
  void record(std::string const& name, double flop, F&& f) {
    double const seconds = median(time_samples(repeats_, f));
    Json json = Json::object();
    json["case"] = Json(name);
    json["milliseconds"] = Json(seconds * 1e3);
    json["gflops"] = Json(flop / seconds / 1e9);
    json["floor_fraction"] = Json(flop / seconds / peak_flops_);
    results_.push_back(std::move(json));
  }

  int repeats_;
  double peak_flops_;
  CpuBackend cpu_;
  Json results_ = Json::array();
};

}  // namespace

Json run_kernel_cases(int repeats, int threads, double peak_flops) {
  Kernels kernels(repeats, threads, peak_flops);
  struct Shape {
    std::string name;
    Index batch, time, model_dim, heads, vocabulary;
  };
  for (Shape const& s : {Shape{"S", 8, 256, 256, 8, 8192}, Shape{"M", 2, 256, 1024, 32, 65536}}) {
    Index const tokens = s.batch * s.time;
    kernels.product(s.name + " qkv", tokens, s.model_dim, 3 * s.model_dim);
    kernels.product(s.name + " attention out", tokens, s.model_dim, s.model_dim);
    kernels.product(s.name + " up", tokens, s.model_dim, 4 * s.model_dim);
    kernels.product(s.name + " down", tokens, 4 * s.model_dim, s.model_dim);
    kernels.attention(s.name + " attention", s.batch, s.time, s.heads, s.model_dim / s.heads);
    kernels.classifier(s.name + " classifier", tokens, s.model_dim, s.vocabulary);
  }
  return kernels.take();
}

}  // namespace bench
