// Every kernel of the CUDA backend, compiled for devices. Run where there is one, it names it; elsewhere it says in a
// sentence that there is none.
#include <accrete/backend/cuda/cuda.hpp>
#include <cstdio>

namespace {

using accrete::Element;
using accrete::Index;
using accrete::Master;
using accrete::Statistic;
using accrete::TokenId;
using accrete::View;

/// Each operation once, on nothing.
template <class Backend>
void call_all(Backend const& backend) {
  View<Backend, Element, 1> vector;
  View<Backend, Element, 2> rows;
  View<Backend, Element, 4> heads;
  View<Backend, Element, 5> qkv(nullptr, {0, 0, 3, 1, 32});
  View<Backend, Master, 1> master;
  View<Backend, Master, 2> master_rows;
  View<Backend, Statistic, 1> statistic;
  View<Backend, Statistic, 3> log_sum_exp(nullptr, {0, 1, 0});
  View<Backend, TokenId const, 1> ids;
  View<Backend, Index const, 1> positions;
  heads = {nullptr, {0, 0, 1, 32}};
  accrete::linear_forward<Backend>(backend, rows, rows, vector, rows);
  accrete::linear_backward<Backend>(backend, rows, rows, rows, rows, master_rows, master);
  accrete::layer_norm_forward<Backend>(backend, rows, vector, vector, rows, statistic, statistic,
                                       1);
  accrete::layer_norm_backward<Backend>(backend, rows, rows, vector, statistic, statistic, rows,
                                        master, master);
  accrete::residual_layer_norm_forward<Backend>(backend, rows, rows, rows, vector, vector, rows,
                                                statistic, statistic, 1);
  accrete::residual_layer_norm_backward<Backend>(backend, rows, rows, vector, statistic, statistic,
                                                 rows, rows, master, master);
  accrete::residual_rms_norm_forward<Backend>(backend, rows, rows, rows, vector, rows, statistic,
                                              1);
  accrete::residual_rms_norm_backward<Backend>(backend, rows, rows, vector, statistic, rows, rows,
                                               master);
  accrete::rms_norm_forward<Backend>(backend, rows, vector, rows, statistic, 1);
  accrete::rms_norm_backward<Backend>(backend, rows, rows, vector, statistic, rows, master);
  accrete::gelu_forward<Backend>(backend, rows, rows);
  accrete::gelu_backward<Backend>(backend, rows, rows, rows);
  accrete::swiglu_forward<Backend>(backend, rows, rows);
  accrete::swiglu_backward<Backend>(backend, rows, rows, rows);
  accrete::rotary_forward<Backend>(backend, qkv, positions, 10000);
  accrete::causal_attention_forward<Backend>(backend, qkv, heads, log_sum_exp);
  accrete::causal_attention_backward<Backend>(backend, heads, qkv, heads, log_sum_exp, qkv);
  accrete::causal_attention_decode<Backend>(
      backend, qkv, View<Backend, Element, 4>(nullptr, {0, 1, 0, 32}),
      View<Backend, Element, 4>(nullptr, {0, 1, 0, 32}), positions, heads);
  accrete::EmbeddingKernel<Backend>::forward(backend, ids, rows, rows);
  accrete::EmbeddingKernel<Backend>::backward(backend, ids, rows, master_rows);
  accrete::residual_add<Backend>(backend, rows, rows, rows);
  accrete::cross_entropy_forward<Backend>(backend, rows, ids, statistic);
  accrete::cross_entropy_forward_backward<Backend>(backend, rows, ids, statistic, 1);
  accrete::sample_tokens<Backend>(backend, View<Backend, Element const, 2>(nullptr, {0, 1}),
                                  View<Backend, double const, 1>(), View<Backend, TokenId, 1>(),
                                  {});
  accrete::low_rank_forward<Backend>(backend, rows, rows, rows, rows, {});
  accrete::low_rank_backward<Backend>(backend, rows, rows, rows, rows, rows, master_rows,
                                      master_rows, {});
  accrete::adamw_step<Backend>(backend, master, vector, master, master, master, {});
  accrete::fill_zero<Backend>(backend, master);
  if (accrete::squared_norm<Backend>(backend, master) != 0)
    throw accrete::Error("the sum of no squares is not 0");
}

}  // namespace

int main() try {
  call_all(accrete::CudaBackend());
  call_all(accrete::CudaBackendBf16());
  std::puts(accrete::CudaBackend().description().c_str());
} catch (accrete::Error const& error) {
  std::puts(error.what());
  return 1;
}
