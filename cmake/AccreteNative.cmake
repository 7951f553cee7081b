# The flags of accrete::native, in one place.
#
# g++ 12 tunes for AMD's Zen by folding every load into the FMA that uses it, which costs Eigen's products a third of
# their speed; tuned for Haswell it does not.
include_guard(GLOBAL)
include(CheckCXXCompilerFlag)

function(accrete_native_flags result)
  set(flags)
  check_cxx_compiler_flag(-march=native ACCRETE_HAS_MARCH_NATIVE)
  check_cxx_compiler_flag(-mcpu=native ACCRETE_HAS_MCPU_NATIVE)
  if(ACCRETE_HAS_MARCH_NATIVE)
    list(APPEND flags -march=native)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
      list(APPEND flags -mtune=haswell)
    endif()
  elseif(ACCRETE_HAS_MCPU_NATIVE)
    list(APPEND flags -mcpu=native)
  endif()
  set(${result} "${flags}" PARENT_SCOPE)
endfunction()
