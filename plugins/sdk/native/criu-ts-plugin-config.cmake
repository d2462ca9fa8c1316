# find_package(criu-ts-plugin REQUIRED PATHS <folder of this file>), in a project that cmake-js builds:
#   criu_ts_plugin(NAME source.cc ...)   makes build/Release/NAME.node
# The folder is native/ of the installed package: node -p "path.dirname(require.resolve('@criu-ts/plugin-sdk/native'))"
set(CRIU_TS_PLUGIN_INCLUDE_DIR "${CMAKE_CURRENT_LIST_DIR}/include")

function(criu_ts_plugin name)
  if(NOT DEFINED CMAKE_JS_INC)
    message(FATAL_ERROR "criu_ts_plugin: build with cmake-js, which tells where the headers of Node are")
  endif()
  # cmake-js adds the headers of these two packages when package.json has "binary": {"napi_versions": [8]}.
  find_file(CRIU_TS_PLUGIN_NAPI napi.h PATHS ${CMAKE_JS_INC} NO_DEFAULT_PATH)
  if(NOT CRIU_TS_PLUGIN_NAPI)
    message(FATAL_ERROR "criu_ts_plugin: the package node-addon-api is not installed: npm install --save-dev node-addon-api")
  endif()
  add_library(${name} SHARED ${ARGN} ${CMAKE_JS_SRC})
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".node" CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON)
  target_include_directories(${name} PRIVATE ${CRIU_TS_PLUGIN_INCLUDE_DIR} ${CMAKE_JS_INC})
  target_compile_definitions(${name} PRIVATE NAPI_VERSION=8 NAPI_DISABLE_CPP_EXCEPTIONS)
  target_compile_options(${name} PRIVATE -Wall -Wextra)
  target_link_libraries(${name} PRIVATE ${CMAKE_JS_LIB})
endfunction()
