# Warnings everywhere; hardening in release; sanitizers by preset.
add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 warns falsely inside its own headers when it inlines std::string and std::optional in coroutines.
  add_compile_options(-Wno-error=maybe-uninitialized -Wno-error=restrict -Wno-error=stringop-overflow
                      -Wno-error=array-bounds -Wno-error=dangling-pointer -Wno-error=stringop-overread
                      -Wno-error=free-nonheap-object -Wno-error=mismatched-new-delete)
endif()
add_compile_definitions(_GLIBCXX_ASSERTIONS)
add_compile_options(-fstack-protector-strong)
add_link_options(-Wl,-z,relro,-z,now -pie)
if(PABAL_SANITIZE)
  add_compile_options(-fsanitize=${PABAL_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PABAL_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()
