// The program behind `./run parity FILE`. Built twice: without a definition its sizes are dynamic and it can print those
// of a file; with ACCRETE_PARITY_SIZES they are part of the type.
#include <cstdio>
#include <exception>
#include <string_view>

#include "decoder_parity.hpp"

int main(int argument_count, char** arguments) {
  if (argument_count < 2 || argument_count > 3) {
    std::fprintf(stderr, "usage: parity [--sizes] FILE\n");
    return 2;
  }
  try {
    parity::Reference const reference(arguments[argument_count - 1]);
    if (std::string_view(arguments[1]) == "--sizes") {
      std::printf("%ld,%ld,%ld\n", reference.config.model_dim, reference.config.head_count,
                  reference.config.hidden_dim);
      return 0;
    }
#ifdef ACCRETE_PARITY_SIZES
    constexpr accrete::BlockConfig sizes{ACCRETE_PARITY_SIZES};
    return parity::decoder_parity<sizes>(reference, "static") ? 0 : 1;
#else
    return parity::decoder_parity<accrete::dynamic_block>(reference, "dynamic") ? 0 : 1;
#endif
  } catch (std::exception const& error) {
    std::fprintf(stderr, "parity: %s\n", error.what());
    return 1;
  }
}
