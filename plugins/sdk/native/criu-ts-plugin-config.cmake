# find_package(criu-ts-plugin REQUIRED PATHS <folder of this file>), in a project that cmake-js builds:
#   criu_ts_plugin(NAME source.cc ...)   makes build/Release/NAME.node
# The folder is native/ of the installed package: node -p "path.dirname(require.resolve('@criu-ts/plugin-sdk/native'))"
set(CRIU_TS_PLUGIN_DIR "${CMAKE_CURRENT_LIST_DIR}")
set(CRIU_TS_PLUGIN_INCLUDE_DIR "${CRIU_TS_PLUGIN_DIR}/include")

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

#   criu_ts_task_program(NAME source.c ...)   makes NAME.task beside the build files: code that runs inside a process that is being restored
# (criu_ts_task.h, SeedTask.runNative). It needs no cmake-js.
function(criu_ts_task_program name)
  set(sources)
  foreach(source IN LISTS ARGN)
    get_filename_component(source ${source} ABSOLUTE)
    list(APPEND sources ${source})
  endforeach()
  set(script ${CRIU_TS_PLUGIN_DIR}/criu_ts_task.lds)
  add_custom_command(
    OUTPUT ${name}.task
    COMMAND ${CMAKE_C_COMPILER} -O2 -fPIC -fvisibility=hidden -ffreestanding -nostdlib -static -fno-jump-tables -fno-stack-protector -fcf-protection=none
            -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -Wall -Wextra -I${CRIU_TS_PLUGIN_INCLUDE_DIR}
            -Wl,-T,${script},-z,noexecstack,--no-warn-rwx-segments,--build-id=none -o ${name}.elf ${sources}
    COMMAND ${CMAKE_OBJCOPY} -O binary -j .text ${name}.elf ${name}.task
    DEPENDS ${sources} ${script} ${CRIU_TS_PLUGIN_INCLUDE_DIR}/criu_ts_task.h
    VERBATIM)
  add_custom_target(${name} ALL DEPENDS ${name}.task)
endfunction()
