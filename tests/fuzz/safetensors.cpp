// Safetensors files: the header, and the reading of all tensors as bytes and as numbers.
#include <accrete/io/safetensors.hpp>

#include <vector>

#include "fuzz.hpp"

using namespace accrete;
using namespace accrete_fuzz;

namespace {

void require_same(SafetensorsReader const& a, SafetensorsReader const& b) {
  require(a.metadata() == b.metadata(), "metadata read the same");
  require(a.tensors().size() == b.tensors().size(), "all tensors are there");
  for (TensorInfo const& tensor : a.tensors()) {
    TensorInfo const& other = b.at(tensor.name);
    require(tensor.dtype == other.dtype && tensor.shape == other.shape,
            "a tensor has its dtype and shape");
    std::vector<std::byte> bytes(tensor.byte_count()), others(other.byte_count());
    a.read(tensor, bytes);
    b.read(other, others);
    require(bytes == others, "a tensor has its bytes");
  }
}

void write_again(SafetensorsReader const& reader) {
  static OutputFolder const output;
  SafetensorsWriter writer;
  for (TensorInfo const& tensor : reader.tensors())
    writer.declare(tensor.name, tensor.dtype, tensor.shape);
  writer.set_metadata(reader.metadata());
  writer.add_hashes();
  writer.open(output.file());
  for (TensorInfo const& tensor : reader.tensors()) {
    std::vector<std::byte> bytes(tensor.byte_count());
    reader.read(tensor, bytes);
    writer.write(tensor.name, bytes);
  }
  writer.commit();
  SafetensorsReader const again(output.file());
  again.require_hashes();
  again.verify();
  require_same(reader, again);
}

void read_safetensors(std::span<std::uint8_t const> content) noexcept {
  static MemoryFile const file;
  file.set(content);
  auto const open = [](Verify verify) {
    return read_or_refuse(file.path(), [&] { return SafetensorsReader(file.path(), verify); });
  };
  auto const verified = open(Verify::yes), plain = open(Verify::no);
  require(plain.has_value() || !verified, "what is verified can be read without verifying");
  if (verified)
    static_cast<void>(read_or_refuse(file.path(), [&] { return verified->verify(), 1; }));
  if (!plain) return;
  for (TensorInfo const& tensor : plain->tensors()) {
    require(plain->find(tensor.name) == &tensor, "each tensor is found by its name");
    require(tensor.end <= content.size() && tensor.shape.size() <= SafetensorsLimits{}.rank,
            "a tensor lies in the file");
    for (auto const* reader : {&plain, &verified}) {
      if (!*reader) continue;
      static_cast<void>(read_or_refuse(
          file.path(), [&] { return (*reader)->template read_vector<double>(tensor.name); }));
      static_cast<void>(read_or_refuse(
          file.path(), [&] { return (*reader)->template read_vector<std::int8_t>(tensor.name); }));
    }
  }
  write_again(*plain);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  read_safetensors({data, size});
  return 0;
}
