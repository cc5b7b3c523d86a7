/* The page on which anybody may ask what an order for a name would meet, where the configuration opens it (wfe.doctor_per_hour):
 * a plain form, so many runs an address and hour, and no word of what is inside. */
#ifndef CAIRN_WFE_DOCTOR_H
#define CAIRN_WFE_DOCTOR_H

#define DOCTOR_PATH "/doctor"

#endif
