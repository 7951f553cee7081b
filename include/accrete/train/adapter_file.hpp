/// Adapters in a file of their own, apart from the model that they are for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <type_traits>

#include <accrete/core/version.hpp>
#include <accrete/io/format_version.hpp>
#include <accrete/io/safetensors.hpp>
#include <accrete/io/sha256.hpp>
#include <accrete/nn/stack.hpp>
#include <accrete/train/checkpoint.hpp>

ACCRETE_BEGIN_NAMESPACE

inline constexpr Index adapter_format_version = 2;

/// What adapters of the first `blocks` blocks stand on: SHA-256 in hexadecimal of the line "accrete adapter base 1\n",
/// the substrate's fingerprint, the architecture as JSON, and all values of these blocks in the order of their names in
/// the model, each with name and little-endian bytes.
template <class Model>
[[nodiscard]] std::string adapter_base(Model const& model, Index blocks) {
  Sha256 hash;
  hash.update("accrete adapter base 1\n");
  hash.update(model.substrate().fingerprint());
  hash.update(model.describe().dump());
  model.body().for_each_segment([&](auto const& segment) {
    for (auto const& entry : segment.entries())
      for (Index i = 0; i < blocks; ++i)
        if (entry.name.starts_with("blocks." + std::to_string(i) + ".") &&
            entry.name.find(".adapter.") == std::string::npos) {
          hash.update(entry.name + "\n");
          auto const values = host_copy(model.backend(), detail::run_of(segment.values(), entry));
          hash.update(std::as_bytes(std::span(values)));
        }
  });
  return to_hex(hash.digest());
}

/// Writes the model's adapters, whole or not at all. Throws ValueError where it has none, FileError.
template <class Model>
void save_adapters(Model const& model, std::filesystem::path const& path) {
  using T = TypeOf<typename Model::Backend, Master>;
  auto const& adapters = model.body().adapters();
  SafetensorsWriter writer;
  writer.set_metadata({{"format", "accrete adapters"},
                       {"format_version", std::to_string(adapter_format_version)},
                       {"library", ACCRETE_VERSION_STRING},
                       {"adapters", adapters.describe().dump()},
                       {"base", adapter_base(model, adapters.blocks())}});
  for (auto const& entry : adapters.segment().entries())
    writer.declare(entry.name, dtype_of<T>(), entry.shape);
  writer.add_hashes();
  writer.open(path);
  for (auto const& entry : adapters.segment().entries())
    writer.write(entry.name,
                 host_copy(model.backend(), detail::run_of(adapters.segment().values(), entry)));
  writer.commit();
}

/// Gives a model adapters from a file. Its blocks must be the very ones that they were trained on. Throws FileError for
/// a damaged or foreign file, MismatchError for another base, ValueError where the model has adapters or none of its
/// blocks is frozen; then nothing has changed.
template <class Model>
void load_adapters(Model& model, std::filesystem::path const& path) {
  using Body = std::remove_cvref_t<decltype(model.body())>;
  using Set = AdapterSet<typename Body::Block>;
  SafetensorsReader const file(path);
  auto const value = [&](char const* key) {
    auto const found = file.metadata().find(key);
    return found == file.metadata().end() ? std::string() : found->second;
  };
  if (value("format") != "accrete adapters")
    throw FileError(path.string(), "is a safetensors file but holds no adapters of accrete");
  if (value("format_version") == std::to_string(adapter_format_version))
    file.require_hashes();
  else if (value("format_version") != "1")
    throw FileError(path.string(),
                    message("has adapter format version ", value("format_version"),
                            ", this library reads version ", adapter_format_version,
                            advice_on_version(value("format_version"), adapter_format_version)));
  AdapterOptions options;
  Index blocks = 0;
  try {
    Json const saved = Json::parse(value("adapters"), path.string() + " (adapters)");
    options = Set::options_of(saved);
    blocks = saved.at("blocks").as_int();
  } catch (ValueError const& error) {
    throw FileError(path.string(), message("its description is damaged: ", error.what()));
  }
  if (blocks != model.body().first_trainable())
    throw MismatchError(message(path.string(), ": its adapters are for ", blocks,
                                " frozen blocks, this model has ", model.body().first_trainable()));
  std::string const base = adapter_base(model, blocks);
  if (value("base") != base)
    throw MismatchError(message(
        path.string(), ": its adapters were trained on blocks with the hash ", value("base"),
        ", those of this model have ", base, "; load the model that they were trained on"));
  model.body().check_adapters_of(
      options, blocks, [&](std::string const& name, auto const& parameter) {
        TensorInfo const& tensor = file.at(name);
        auto const& sizes = parameter.sizes();
        if (!std::equal(tensor.shape.begin(), tensor.shape.end(), sizes.begin(), sizes.end()))
          throw FileError(path.string(), "tensor " + name + " has another shape than its adapter");
        if (!converts_to<TypeOf<typename Model::Backend, Master>>(tensor.dtype))
          throw FileError(path.string(), message("tensor ", name, " is ", name_of(tensor.dtype),
                                                 ", which no adapter is made of"));
      });
  file.verify();  // before anything changes
  model.body().add_adapters(options);
  model.body().for_each_segment([&](auto& segment) {
    if (segment.name() != "adapters") return;
    for (auto const& entry : segment.entries())
      segment.fill(entry, [&](auto values) { file.read_as(file.at(entry.name), values); });
  });
}

ACCRETE_END_NAMESPACE
