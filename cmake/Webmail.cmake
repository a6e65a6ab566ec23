# The web mail: node builds webmail/ into one C++ file that carries its files (webmail/build.mjs), when a source is newer.
find_program(NODE node)
if(NOT NODE)
  message(FATAL_ERROR "node is missing, which the web mail is built with; ./dev setup installs it")
endif()
set(folder ${CMAKE_SOURCE_DIR}/webmail)
file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/src/* ${folder}/public/*)
list(APPEND sources ${folder}/index.html ${folder}/package.json ${folder}/package-lock.json ${folder}/tsconfig.json
     ${folder}/vite.config.ts ${folder}/build.mjs)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/webmail/files.cc
  COMMAND ${NODE} ${folder}/build.mjs ${CMAKE_BINARY_DIR}/webmail
  DEPENDS ${sources} COMMENT "Building the web mail" VERBATIM)
add_library(pabal_webmail STATIC ${CMAKE_BINARY_DIR}/webmail/files.cc)
target_include_directories(pabal_webmail PRIVATE ${PABAL_ROOTS}/app)
target_link_libraries(pabal_app PUBLIC pabal_webmail)
