# Targets `install` and `uninstall`: headers, the CMake package, pkg-config files. All of it is text, so that it goes
# where architecture-independent data go.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/accrete)
set(pkgconfig_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)

# Headers and the CMake package.
install(DIRECTORY include/accrete DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp" PATTERN "*.cuh")
install(TARGETS accrete EXPORT accreteTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT accreteTargets NAMESPACE accrete:: DESTINATION ${package_dir})
configure_package_config_file(cmake/accreteConfig.cmake.in accreteConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(accreteConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/accreteConfig.cmake ${PROJECT_BINARY_DIR}/accreteConfigVersion.cmake
              cmake/AccreteAddPrograms.cmake cmake/AccreteNative.cmake
        DESTINATION ${package_dir})
install(DIRECTORY cmake/components DESTINATION ${package_dir})
if(EXISTS ${PROJECT_SOURCE_DIR}/examples/programs)
  install(DIRECTORY examples/programs DESTINATION ${package_dir})
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/examples/plans)
  install(DIRECTORY examples/plans DESTINATION ${CMAKE_INSTALL_DATADIR}/accrete)
endif()

# pkg-config: accrete.pc, and one file per component found here.
set(pc_name accrete)
set(pc_summary "${PROJECT_DESCRIPTION}")
set(pc_requires eigen3)
set(pc_cflags "-std=c++20 -I\${includedir}")
set(pc_libs -pthread)
configure_file(cmake/accrete.pc.in accrete.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/accrete.pc DESTINATION ${pkgconfig_dir})

function(accrete_install_component_pc component summary requires cflags libs)
  if(TARGET accrete::${component})
    set(pc_name accrete-${component})
    set(pc_summary "${summary}")
    set(pc_requires "accrete ${requires}")
    set(pc_cflags "${cflags}")
    set(pc_libs "${libs}")
    configure_file(cmake/accrete.pc.in accrete-${component}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/accrete-${component}.pc DESTINATION ${pkgconfig_dir})
  endif()
endfunction()
list(JOIN accrete_native_options " " native_flags)
accrete_install_component_pc(glyphs "Glyph pictures for accrete, by FreeType" freetype2 "" "")
accrete_install_component_pc(cblas "accrete's matrix products by a CBLAS" ""
                             "-DACCRETE_USE_CBLAS -I${ACCRETE_CBLAS_INCLUDE_DIR}" "${ACCRETE_CBLAS_LIBRARY}")
accrete_install_component_pc(lapack "Eigenvectors for accrete, by a LAPACK" "" "" "${ACCRETE_LAPACK_LIBRARY}")
accrete_install_component_pc(native "The compiler flags measured best for accrete" "" "${native_flags}" "")

add_custom_target(
  uninstall
  COMMAND ${CMAKE_COMMAND} -DMANIFEST=${PROJECT_BINARY_DIR}/install_manifest.txt -P
          ${PROJECT_SOURCE_DIR}/cmake/uninstall.cmake
  COMMENT "Removing what `install` wrote"
  VERBATIM)
