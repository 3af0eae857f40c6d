# PROGRAM learns the first 10,000 digits once and must then know LEAST % of the test digits.
execute_process(COMMAND ${PROGRAM} --train-limit 10000 --epochs 1
  OUTPUT_VARIABLE printed ERROR_VARIABLE errors RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "ended with ${status}:\n${printed}${errors}")
endif()
if(NOT printed MATCHES "test accuracy ([0-9]+\\.[0-9][0-9]) %\n$")
  message(FATAL_ERROR "the last line should read 'test accuracy NN.NN %':\n${printed}")
endif()
if(CMAKE_MATCH_1 LESS ${LEAST})
  message(FATAL_ERROR "${CMAKE_MATCH_1} % is less than ${LEAST} %:\n${printed}")
endif()
message(STATUS "test accuracy ${CMAKE_MATCH_1} %")
