/// accrete-checkpoint convert
#pragma once

#include <cstdio>
#include <span>

#include "contents.hpp"

/// Parameters under their names in the model, such as "blocks.0.attention.query.weight", in a file that says nothing of
/// accrete; a file that is no checkpoint keeps its names.
[[nodiscard]] inline Status convert(Arguments const& arguments) {
  constexpr std::size_t piece_bytes = std::size_t{1} << 20;
  constexpr std::string_view prefix = "parameter.";
  accrete::SafetensorsReader const file = open(arguments.files[0], arguments.verify);
  auto const is_wanted = [&](accrete::TensorInfo const& tensor) {
    return arguments.moments || !role_of(tensor).ends_with("_moment");
  };
  auto const new_name = [&](accrete::TensorInfo const& tensor) {
    return role_of(tensor) == "parameter" ? tensor.name.substr(prefix.size()) : tensor.name;
  };
  if (arguments.verify) file.verify();
  accrete::SafetensorsWriter writer;
  writer.set_metadata({{"format", "pt"}});
  for (accrete::TensorInfo const& tensor : file.tensors())
    if (is_wanted(tensor)) writer.declare(new_name(tensor), tensor.dtype, tensor.shape);
  writer.open(arguments.out);
  std::vector<std::byte> piece;
  for (accrete::TensorInfo const& tensor : file.tensors()) {
    if (!is_wanted(tensor)) continue;
    for (std::uint64_t done = 0; done < tensor.byte_count(); done += piece.size()) {
      piece.resize(std::min<std::uint64_t>(piece_bytes, tensor.byte_count() - done));
      file.read_part(tensor, done, piece);
      writer.write(new_name(tensor), piece);
    }
  }
  writer.commit();
  if (arguments.json)
    std::printf("%s\n", accrete::Json::object(
                            {{"file", arguments.out}, {"tensors", writer.tensors().size()}})
                            .dump()
                            .c_str());
  return is_so;
}
