/* The page on which a person frees the paused names of an account, by the link in the refusal of an order. */
#ifndef CAIRN_WFE_UNPAUSE_H
#define CAIRN_WFE_UNPAUSE_H

#define UNPAUSE_PATH "/unpause"

#endif
