// Says of each file that a line of the input names whether accrete reads it: "ok", or why not.
#include <accrete/io/safetensors_reader.hpp>

#include <cstddef>
#include <iostream>
#include <string>
#include <vector>

int main() {
  for (std::string path; std::getline(std::cin, path);) {
    try {
      accrete::SafetensorsReader const reader(path, accrete::Verify::no);
      for (accrete::TensorInfo const& tensor : reader.tensors()) {
        std::vector<std::byte> bytes(tensor.byte_count());
        reader.read(tensor, bytes);
      }
      std::cout << "ok" << std::endl;
    } catch (accrete::FileError const& error) {
      std::cout << std::string(error.what()).substr(path.size() + 2) << std::endl;
    }
  }
}
